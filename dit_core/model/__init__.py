"""The network: ``dit_core.model.dit.DiT(ModelConfig(...))``, with its blocks and decoders by name."""
