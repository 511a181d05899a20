#include "model/window.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "locus/error.hpp"

namespace locus::model {
namespace {

/// Quotients rounded down and up, those of negative numbers too; b is positive.
std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return -floor_div(-a, b); }

/// One number an axis, none so large that sums and products of two of them could not be counted.
void check(const std::vector<std::int64_t>& values, std::size_t axes, std::int64_t least, std::string_view what) {
    constexpr std::int64_t most = 1 << 30;
    const auto wrong = [&](std::int64_t value) { return value < least || value > most; };
    if (values.size() != axes || std::any_of(values.begin(), values.end(), wrong)) {
        throw Error(ErrorKind::model,
                    fmt::format("{} {} do not fit a window over {} axes", what, to_string(values), axes));
    }
}

void check(const Window& window, std::size_t axes) {
    check(window.kernel, axes, 1, "the kernel's sizes");
    check(window.strides, axes, 1, "strides");
    check(window.dilations, axes, 1, "dilations");
}

}  // namespace

std::int64_t Window::output_size(std::size_t axis) const {
    const auto room = input[axis] + begin[axis] + end[axis] - extent(axis);
    if (!ceil_mode) return std::max<std::int64_t>(0, floor_div(room, strides[axis]) + 1);
    auto size = ceil_div(room, strides[axis]) + 1;
    // A window that would start in the padding behind the input is left out, as PyTorch does.
    if ((size - 1) * strides[axis] >= input[axis] + begin[axis]) --size;
    return std::max<std::int64_t>(0, size);
}

Window Window::of(const Node& node, std::vector<std::int64_t> input, std::vector<std::int64_t> kernel) {
    Window window;
    const auto axes = input.size();
    window.input = std::move(input);
    window.kernel = node.ints_or("kernel_shape", std::move(kernel));
    window.strides = node.ints_or("strides", std::vector<std::int64_t>(axes, 1));
    window.dilations = node.ints_or("dilations", std::vector<std::int64_t>(axes, 1));
    window.ceil_mode = node.int_or("ceil_mode", 0) != 0;
    check(window.input, axes, 0, "the input's sizes");
    check(window, axes);
    const auto pads = node.ints_or("pads", std::vector<std::int64_t>(2 * axes, 0));
    check(pads, 2 * axes, -(1 << 30), "pads");
    window.begin.assign(axes, 0);
    window.end.assign(axes, 0);
    const auto automatic = node.string_or("auto_pad", "NOTSET");
    const bool pools = node.op_type != "Conv";
    for (std::size_t i = 0; i < axes; ++i) {
        if (automatic == "NOTSET") {
            window.begin[i] = pads.at(i);
            window.end[i] = pads.at(axes + i);
        } else if (automatic != "VALID") {
            // As ONNX Runtime has it (1.30, measured): pools leave dilation out; where strides are wider than the
            // kernel, what comes first and last is skipped, one element less before convolutions.
            const auto outputs = ceil_div(window.input[i], window.strides[i]);
            auto total =
                (outputs - 1) * window.strides[i] + (pools ? window.kernel[i] : window.extent(i)) - window.input[i];
            if (total < 0 && !pools) ++total;
            window.begin[i] = (automatic == "SAME_LOWER" ? total + 1 : total) / 2;
            window.end[i] = total - window.begin[i];
        }
    }
    return window;
}

Window Window::of_transposed(const Node& node, const std::vector<std::int64_t>& node_input,
                             std::vector<std::int64_t> kernel) {
    Window window;
    const auto axes = node_input.size();
    window.kernel = node.ints_or("kernel_shape", std::move(kernel));
    window.strides = node.ints_or("strides", std::vector<std::int64_t>(axes, 1));
    window.dilations = node.ints_or("dilations", std::vector<std::int64_t>(axes, 1));
    check(node_input, axes, 0, "the input's sizes");
    check(window, axes);
    const auto pads = node.ints_or("pads", std::vector<std::int64_t>(2 * axes, 0));
    check(pads, 2 * axes, -(1 << 30), "pads");
    const auto more = node.ints_or("output_padding", std::vector<std::int64_t>(axes, 0));
    check(more, axes, 0, "the output's padding");
    const auto output_shape = node.ints_or("output_shape", {});
    check(output_shape, output_shape.size(), 0, "the output's sizes");
    const auto automatic = node.string_or("auto_pad", "NOTSET");
    window.begin.assign(axes, 0);
    window.end.assign(axes, 0);
    window.input.assign(axes, 0);
    for (std::size_t i = 0; i < axes; ++i) {
        const auto full = (node_input[i] - 1) * window.strides[i] + window.extent(i) + more.at(i);
        if (automatic == "NOTSET" && output_shape.empty()) {
            window.begin[i] = pads.at(i);
            window.end[i] = pads.at(axes + i);
        } else if (automatic != "VALID") {
            // The output's size is given, or input times stride; the padding follows from it.
            const auto wanted = output_shape.empty() ? node_input[i] * window.strides[i]
                                                     : output_shape.at(output_shape.size() - axes + i);
            const auto total = std::max<std::int64_t>(0, full - wanted);
            window.begin[i] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
            window.end[i] = total - window.begin[i];
            if (wanted > full) window.end[i] = full - wanted;  // zeros behind what the kernel reaches
        }
        window.input[i] = full - window.begin[i] - window.end[i];
    }
    return window;
}

}  // namespace locus::model
