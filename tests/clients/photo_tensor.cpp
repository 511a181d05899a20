// What a network is fed with:  photo_tensor MODEL.onnx OUT.npy PHOTO...
//
// The photos, decoded and preprocessed by the library as the model's own metadata says, as one array: for clients that
// are not ours, and for `locus explain OUT.npy`.

#include <cstdio>
#include <vector>

#include "explain/network.hpp"
#include "files/npy.hpp"
#include "locus/error.hpp"
#include "locus/image.hpp"
#include "locus/preprocessing.hpp"

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fputs("photo_tensor MODEL.onnx OUT.npy PHOTO...\n", stderr);
        return 2;
    }
    try {
        const auto network = locus::explain::load_network(argv[1], {.bind_inputs = false});
        const locus::Preprocessing& p = network.preprocessing;
        locus::Shape shape = locus::explain::input_shape(network, argc - 3);
        locus::Tensor all(p.type, shape);
        const std::size_t size = locus::input_bytes(p);
        for (int i = 3; i < argc; ++i) {
            const auto part = all.mutable_bytes().subspan(static_cast<std::size_t>(i - 3) * size, size);
            locus::preprocess_into(locus::read_image(argv[i]), p, part);
        }
        locus::files::write_npy(argv[2], all);
    } catch (const locus::Error& error) {
        std::fprintf(stderr, "photo_tensor: %s\n", error.what());
        return 1;
    }
    return 0;
}
