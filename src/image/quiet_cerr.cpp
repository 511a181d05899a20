#include "image/quiet_cerr.hpp"

#include <iostream>
#include <mutex>
#include <streambuf>

namespace locus::image {
namespace {

thread_local int quiet_depth = 0;

class PassOn : public std::streambuf {
public:
    explicit PassOn(std::streambuf* target) : target_(target) {}

protected:
    int overflow(int c) override {
        if (c == traits_type::eof()) return traits_type::not_eof(c);
        return quiet_depth > 0 ? c : target_->sputc(traits_type::to_char_type(c));
    }
    std::streamsize xsputn(const char* text, std::streamsize count) override {
        return quiet_depth > 0 ? count : target_->sputn(text, count);
    }
    int sync() override { return quiet_depth > 0 ? 0 : target_->pubsync(); }

private:
    std::streambuf* target_;
};

}  // namespace

QuietCerr::QuietCerr() {
    static std::once_flag once;
    // Never deleted: std::cerr outlives us.
    std::call_once(once, [] {
        if (std::cerr.rdbuf() != nullptr) std::cerr.rdbuf(new PassOn(std::cerr.rdbuf()));
    });
    ++quiet_depth;
}

QuietCerr::~QuietCerr() { --quiet_depth; }

}  // namespace locus::image
