#include "locus/version.hpp"

namespace locus {

const char* const version = LOCUS_VERSION;

}  // namespace locus
