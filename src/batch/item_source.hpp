#pragma once

/// One input, read: the network's input and, where it is a picture, the picture.

#include <atomic>
#include <vector>

#include "batch/input_list.hpp"
#include "locus/image.hpp"
#include "locus/preprocessing.hpp"
#include "locus/tensor.hpp"

namespace locus::batch {

struct Source {
    Tensor input;   ///< [1, C, H, W] or [1, H, W, C]
    Image picture;  ///< upright; reduced where nobody is going to look at it. Of an array: what its numbers show
    int width = 0;  ///< pixels of the whole upright picture: the frame of all boxes
    int height = 0;
    Region region;  ///< what the network sees of it
};

/// Decodes and preprocesses a picture, or reads an item of an array, which is taken as preprocessed already. `whole`: the picture is
/// wanted at its own size; else a JPEG may be decoded smaller. Throws Error(image, io, resource), and image::Stopped where `stop` was set while a
/// pipe was waited for.
Source read_source(const InputItem& item, const Preprocessing& preprocessing, bool whole,
                   const std::atomic<bool>* stop = nullptr);

/// The inputs of several sources as one batch. Throws Error(usage) where their shapes differ.
Tensor joined_inputs(const std::vector<Source>& sources);

}  // namespace locus::batch
