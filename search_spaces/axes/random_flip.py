"""Mirror images in training."""

from __future__ import annotations

from search_spaces.axes.switch import BoolAxis

AXIS = BoolAxis(
    name="random_flip",
    title="Random horizontal flips",
    description="mirrors every training image left to right with probability one half; evaluation mirrors none",
    citation="the only augmentation of Peebles & Xie, arXiv 2212.09748, section 4",
    fields=("data.random_flip",),
    aliases=(
        "horizontal flips", "random horizontal flip", "flip", "image flipping", "image flips",
        "horizontal mirroring", "mirror augmentation", "left right flipping", "hflip", "random hflip", "flipping",
        "random mirroring", "horizontal flip", "horizontal flipping", "random flip", "random flipping",
        "flip augmentation", "horizontal flip augmentation", "data augmentation", "image augmentation",
        "augmentation", "mirroring", "left right flip",
    ),
    vocabulary=(
        "data flips", "augmentation by flipping", "flip probability", "flipping images",
        "mirrored training images",
        "training images", "flipped horizontally", "mirrored copies", "mirrored images", "mirror images",
        "left right mirroring", "left right mirror", "mirror augmentation", "flipped images", "flip images",
        "flips of the training images", "horizontally flipped", "flips", "flip", "flipped", "mirror", "mirrored",
        "augment", "augmented",
    ),
    unlike=(
        "color jitter", "colour jitter", "random crop", "random resized crop", "cutout", "mixup", "cutmix",
        "condition augmentation", "noise augmentation",
    ),
    anyway=(
        "",
        r"(?:with\s+|at\s+|of\s+)?(?:(?:a\s+)?prob(?:ability|\.)?\s*(?:of\s+|=\s*)?|p\s*=\s*)"
        r"(?:0?\.50?|1/2|(?:one\s+)?half|50\s*%)",
    ),
    remove_means="no flips: every image as it is",
    add_means="random horizontal flips",
)  # fmt: skip
