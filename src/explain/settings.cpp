#include "explain/settings.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "locus/error.hpp"
#include "text/nearest.hpp"
#include "text/quote.hpp"
#include "text/split.hpp"

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

/// A number from `least` on, or, of what may be as small as one likes but not nothing, above it.
double number(const std::string& key, const std::string& value, double least, bool above = false) {
    std::size_t used = 0;
    double result = 0;
    try {
        result = std::stod(value, &used);
    } catch (const std::exception&) {
        used = 0;
    }
    if (used == 0 || used != value.size() || !(above ? result > least : result >= least) || result > 1e9) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} takes a number {} {} 1000000000, not {}", key,
                                above ? fmt::format("above {}", least) : fmt::format("from {}", least),
                                above ? "and at most" : "to", text::quote(value)));
    }
    return result;
}

/// How many of something: at least one.
int count(const std::string& key, const std::string& value) {
    const double result = number(key, value, 1);
    if (result != std::floor(result)) {
        throw Error(ErrorKind::usage, fmt::format("{} takes a whole number, not {}", key, text::quote(value)));
    }
    return static_cast<int>(result);
}

/// Whether the method, with these options, looks at what the key sets.
bool takes(const Method& method, const std::string& key, const MethodOptions& options) {
    if (key == "target" || key == "smooth") return true;  // those that cannot say so themselves
    if (key == "fuse") return options.layer.find(',') != std::string::npos && !method.joins_layers_itself;
    if (key == "grid" || key == "channels") return !method.map_of_input;
    if ((key == "alpha" || key == "nearest") && options.target.kind == TargetKind::difference) return true;
    return std::find(method.settings.begin(), method.settings.end(), key) != method.settings.end();
}

void set_smoothing(MethodOptions& options, const std::string& value) {
    for (const std::string_view word : text::split(value, ',')) {
        const bool augment = one_of<bool>("smooth", std::string(word), {{"augment", true}, {"eigen", false}});
        (augment ? options.augment : options.eigen_smooth) = true;
    }
}

std::pair<std::int64_t, std::int64_t> grid(const std::string& value) {
    const std::size_t x = value.find('x');
    if (x == std::string::npos) {
        throw Error(ErrorKind::usage,
                    fmt::format("grid takes rows and columns, such as 14x14, not {}", text::quote(value)));
    }
    return {count("grid", value.substr(0, x)), count("grid", value.substr(x + 1))};
}

}  // namespace

void set(MethodOptions& options, const std::string& key, const std::string& value) {
    if (key == "samples")
        options.samples = count(key, value);
    else if (key == "steps")
        options.steps = count(key, value);
    else if (key == "noise")
        options.noise = number(key, value, 0, true);
    else if (key == "alpha")
        options.target.alpha = number(key, value, 0);
    else if (key == "nearest")
        options.target.nearest = count(key, value);
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
    if (!options.given.insert(key).second)
        throw Error(ErrorKind::usage, fmt::format("the setting {} is given twice", text::quote(key)));
}

void require_effect(const std::vector<const Method*>& methods, const MethodOptions& options) {
    const auto refuse = [&](const std::string& key, const std::string& why) {
        std::vector<std::string> names;
        for (const Method* method : methods) names.push_back(method->name);
        throw Error(ErrorKind::usage, fmt::format("{} changes nothing for {}: {}", key, fmt::join(names, ", "), why));
    };
    for (const std::string& key : options.given) {
        if (std::any_of(methods.begin(), methods.end(), [&](const Method* m) { return takes(*m, key, options); }))
            continue;
        if (key == "fuse")
            refuse(key, "it joins the maps of several layers, such as --layer A,B, and refine-cam always multiplies");
        if (key == "grid" || key == "channels")
            refuse(key, "it tells how a layer lies, and the map is made on the input's pixels");
        std::vector<std::string> takers;
        for (const Method& method : explain::methods()) {
            if (takes(method, key, options)) takers.push_back(method.name);
        }
        refuse(key, fmt::format("it is a setting of {}{}",
                                key == "alpha" || key == "nearest" ? "the target difference and of " : "",
                                fmt::join(takers, ", ")));
    }
}

}  // namespace locus::explain
