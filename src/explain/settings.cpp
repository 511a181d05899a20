#include "explain/settings.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "locus/error.hpp"
#include "text/nearest.hpp"
#include "text/quote.hpp"

namespace locus::explain {
namespace {

template <class T> T one_of(const std::string& key, const std::string& value, const std::map<std::string, T>& known) {
    const auto found = known.find(value);
    if (found != known.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [name, meaning] : known) names.push_back(name);
    throw Error(ErrorKind::usage,
                fmt::format("{} is one of {}, not {}", key, fmt::join(names, ", "), text::quote(value)));
}

double number(const std::string& key, const std::string& value, double least) {
    std::size_t used = 0;
    double result = 0;
    try {
        result = std::stod(value, &used);
    } catch (const std::exception&) {
        used = 0;
    }
    if (used == 0 || used != value.size() || !(result >= least) || result > 1e9) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} takes a number from {} on, not {}", key, least, text::quote(value)));
    }
    return result;
}

void set_smoothing(MethodOptions& options, const std::string& value) {
    for (std::size_t begin = 0; begin <= value.size();) {
        const std::size_t end = std::min(value.find(',', begin), value.size());
        const std::string word = value.substr(begin, end - begin);
        const bool augment = one_of<bool>("smooth", word, {{"augment", true}, {"eigen", false}});
        (augment ? options.augment : options.eigen_smooth) = true;
        begin = end + 1;
    }
}

std::pair<std::int64_t, std::int64_t> grid(const std::string& value) {
    const std::size_t x = value.find('x');
    if (x == std::string::npos) {
        throw Error(ErrorKind::usage,
                    fmt::format("grid takes rows and columns, such as 14x14, not {}", text::quote(value)));
    }
    return {static_cast<std::int64_t>(number("grid", value.substr(0, x), 1)),
            static_cast<std::int64_t>(number("grid", value.substr(x + 1), 1))};
}

}  // namespace

void set(MethodOptions& options, const std::string& key, const std::string& value) {
    if (key == "samples")
        options.samples = static_cast<int>(number(key, value, 1));
    else if (key == "steps")
        options.steps = static_cast<int>(number(key, value, 1));
    else if (key == "noise")
        options.noise = number(key, value, 0);
    else if (key == "alpha")
        options.target.alpha = number(key, value, 0);
    else if (key == "nearest")
        options.target.nearest = static_cast<int>(number(key, value, 1));
    else if (key == "variant")
        options.variant =
            one_of<Variant>(key, value, {{"standard", Variant::standard}, {"torchcam", Variant::torchcam}});
    else if (key == "fuse")
        options.fusion =
            one_of<Fusion>(key, value, {{"mean", Fusion::mean}, {"max", Fusion::max}, {"product", Fusion::product}});
    else if (key == "grid")
        options.layout.grid = grid(value);
    else if (key == "channels")
        options.layout.channels_last = one_of<bool>(key, value, {{"first", false}, {"last", true}});
    else if (key == "smooth")
        set_smoothing(options, value);
    else if (key == "target") {
        options.target.chosen = true;
        options.target.kind = one_of<TargetKind>(key, value,
                                                 {{"logit", TargetKind::logit},
                                                  {"probability", TargetKind::probability},
                                                  {"difference", TargetKind::difference},
                                                  {"mask", TargetKind::mask},
                                                  {"similarity", TargetKind::similarity}});
    } else {
        throw Error(ErrorKind::usage,
                    fmt::format("there is no setting {}{}", text::quote(key),
                                text::did_you_mean(key, {"samples", "steps", "noise", "alpha", "nearest", "variant",
                                                         "fuse", "grid", "channels", "smooth", "target"})));
    }
}

}  // namespace locus::explain
