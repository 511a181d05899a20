#pragma once

/// Keeps one thread's std::cerr still.
///
///     {
///         const QuietCerr quiet;
///         cv::imdecode(...);   // OpenCV 4.6 writes what goes wrong to std::cerr itself, whatever its log level
///     }
///
/// Other threads write as before: from the first use on, std::cerr goes through a buffer that drops what a quiet thread
/// writes and passes everything else on.

namespace locus::image {

class QuietCerr {
public:
    QuietCerr();
    ~QuietCerr();
    QuietCerr(const QuietCerr&) = delete;
    QuietCerr& operator=(const QuietCerr&) = delete;
};

}  // namespace locus::image
