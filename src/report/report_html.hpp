#pragma once

/// report.html: one page to leaf through, which opens without a network.
///
///     ReportWriter report("out/report.html");
///     for (...) report.image(image_json(record), report_maps(record), text::base64(preview_jpeg));
///     for (...) report.failure(failure_json(failure));
///     report.commit(run);
///
/// The page is src/report/report_page/{*.html, *.css, *.js}, embedded at build time. Between them stand the data: two
/// elements an image, its entry of results.json with its raw maps, and its preview. They are written as they come, so
/// memory does not grow with the number of images. From the raw maps the page draws the heat and recomputes the boxes
/// by the rules of locus/boxes.hpp, to the bit.
///
/// Everything that comes from outside (file names, labels, messages) enters as JSON in which `<` is escaped, and the
/// script puts it on the page as text only; a Content-Security-Policy forbids requests.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "files/atomic_file.hpp"
#include "report/results.hpp"

namespace locus::report {

/// How many images the page shows, and how large their previews shall be.
struct PreviewPlan {
    int side = 512;          ///< pixels: the longer side of a preview is at most this
    std::size_t images = 0;  ///< the first so many inputs are shown
};

/// 512 pixels up to 500 inputs; 256 up to 2,000; of more inputs the first 2,000.
PreviewPlan preview_plan(std::size_t inputs);

/// The raw maps of an image's explanations as the page wants them: a JSON list of base64 of little-endian float32.
std::string report_maps(const ImageRecord& image);

class ReportWriter {
public:
    /// A page larger than this shows no more images, and says so: browsers grow slow.
    static constexpr std::size_t size_limit = std::size_t{256} << 20;

    explicit ReportWriter(const std::filesystem::path& path);

    /// `image`: image_json of it. `preview`: base64 of a JPEG, at most PreviewPlan::side pixels; empty where there is
    /// no photo.
    void image(std::string_view image, std::string_view maps, std::string_view preview);

    /// An image that exists but is not shown, beyond the plan.
    void hidden_image() { ++hidden_; }

    /// `failure`: failure_json of it. The first 1,000 are listed.
    void failure(std::string_view failure);

    /// Writes run and script, and renames. `unfinished`: the run was stopped, the page says so.
    void commit(const RunRecord& run, bool unfinished = false);

private:
    void write(std::string_view text);

    files::AtomicFile file_;
    std::size_t size_ = 0;
    std::size_t shown_ = 0, hidden_ = 0, failures_ = 0;
};

}  // namespace locus::report
