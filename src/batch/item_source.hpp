#pragma once

/// Inputs, read: what the network takes of them and, where they are pictures, the pictures.

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "batch/input_list.hpp"
#include "locus/image.hpp"
#include "locus/preprocessing.hpp"
#include "locus/tensor.hpp"

namespace locus::batch {

/// Of one input all but what the network takes.
struct Source {
    Image picture;  ///< upright; reduced where nobody is going to look at it. Of an array: what its numbers show
    int width = 0;  ///< pixels of the whole upright picture: the frame of all boxes
    int height = 0;
    Region region;                   ///< what the network sees of it
    std::vector<std::byte> preview;  ///< JPEG for the report; empty where none is wanted
    std::string warning;             ///< one sentence, or empty
    bool has_16_bits = false;        ///< as image::Photo has it
};

/// The network's input, filled item by item.
class InputBatch {
public:
    /// For at most `room` items. `sample_bits`: as image::DecodeOptions has it.
    InputBatch(const Preprocessing& preprocessing, std::size_t room, int sample_bits = 0);

    /// Decodes and preprocesses a picture, or reads an item of an array, which is taken as preprocessed already, and
    /// adds it. `whole`: the picture is wanted at its own size; else a JPEG may be decoded smaller. Throws Error(image,
    /// io, resource), and Stopped where `stop` was set while a pipe was waited for; nothing is added then.
    Source read(const InputItem& item, bool whole, const std::atomic<bool>* stop = nullptr);

    /// The items read, at least one, in their order, which it is emptied of: [N, C, H, W] or [N, H, W, C] of N items
    /// of one shape, another tensor from each item on whose shape is not that of the one before.
    std::vector<Tensor> take();

private:
    void add(const Image& photo);
    void add(Tensor array);
    void set_photos_apart();

    Preprocessing preprocessing_;
    std::size_t room_;
    int sample_bits_;
    std::optional<Tensor> photos_;  ///< with room for all; made for the first
    std::size_t count_ = 0;         ///< of photos in it
    std::vector<Tensor> apart_;     ///< all items, from the first array on: they may be of any shape
};

}  // namespace locus::batch
