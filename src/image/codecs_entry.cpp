#include "image/decoders.hpp"

extern "C" __attribute__((visibility("default"))) void locus_decode_rare(const locus::image::Source& source,
                                                                         const locus::image::Header& header,
                                                                         locus::image::Decoded& decoded) {
    decoded = header.format == locus::image::Format::tiff ? locus::image::decode_tiff(source, header)
                                                          : locus::image::decode_with_opencv(source, header);
}
