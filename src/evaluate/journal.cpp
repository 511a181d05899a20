#include "evaluate/journal.hpp"

#include <iterator>

#include <fmt/core.h>

#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::evaluate {

Journal::Journal(std::filesystem::path file, const std::string& heading, std::size_t images, bool resume)
    : file_(std::move(file)), records_(images) {
    if (resume && std::filesystem::exists(file_)) {
        read_back(heading);
        stream_.open(file_, std::ios::binary | std::ios::app);
    } else {
        stream_.open(file_, std::ios::binary | std::ios::trunc);
        stream_ << heading << '\n' << std::flush;
    }
    if (!stream_) throw Error(ErrorKind::io, fmt::format("{} cannot be written.", text::quote(file_.string())));
}

void Journal::read_back(const std::string& heading) {
    std::uintmax_t whole = 0;  // bytes of whole lines
    {
        std::ifstream stream(file_, std::ios::binary);
        std::string line;
        for (bool first = true; std::getline(stream, line) && !stream.eof(); first = false) {
            if (first && line != heading) {
                throw Error(
                    ErrorKind::usage,
                    fmt::format("{} was begun with other options, models or data: run without --resume, or with those.",
                                text::quote(file_.string())));
            }
            whole += line.size() + 1;
            if (first) continue;
            ImageRecord record = record_from_json(line);
            if (record.index >= records_.size()) {
                throw Error(ErrorKind::io, fmt::format("{} has a record of image {}, but there are {} images.",
                                                       text::quote(file_.string()), record.index, records_.size()));
            }
            if (!records_[record.index]) ++count_;
            records_[record.index] = std::move(record);
        }
    }
    std::filesystem::resize_file(file_, whole);
    if (whole == 0) std::ofstream(file_, std::ios::binary) << heading << '\n';
}

void Journal::add(ImageRecord record) {
    const std::string line = to_json(record) + '\n';
    const std::lock_guard lock(mutex_);
    stream_ << line << std::flush;
    if (!stream_) throw Error(ErrorKind::io, fmt::format("{} cannot be written.", text::quote(file_.string())));
    if (!records_[record.index]) ++count_;
    records_[record.index] = std::move(record);
}

std::vector<ImageRecord> Journal::take() {
    std::vector<ImageRecord> records;
    records.reserve(records_.size());
    for (std::size_t i = 0; i < records_.size(); ++i) {
        if (!records_[i]) throw Error(ErrorKind::io, fmt::format("Image {} was not measured.", i));
        records.push_back(std::move(*records_[i]));
    }
    return records;
}

}  // namespace locus::evaluate
