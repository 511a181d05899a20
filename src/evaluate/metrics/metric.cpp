#include "evaluate/metrics/metric.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "locus/error.hpp"
#include "text/nearest.hpp"
#include "text/quote.hpp"

namespace locus::evaluate {

const std::vector<Metric>& metrics() {
    static const std::vector<Metric> all{
        {.name = "top1",
         .title = "top-1 %",
         .meaning = "the class is right",
         .needs_model = true,
         .needs_labels = true},
        {.name = "top5",
         .title = "top-5 %",
         .meaning = "the class is among five",
         .needs_model = true,
         .needs_labels = true},
        {.name = "loc1",
         .title = "loc-1 error %",
         .meaning = "class wrong, or its box (IoU < 0.5)",
         .higher_is_better = false,
         .needs_boxes = true,
         .needs_model = true,
         .needs_labels = true},
        {.name = "loc5",
         .title = "loc-5 error %",
         .meaning = "class not among five, or its box wrong",
         .higher_is_better = false,
         .needs_boxes = true,
         .needs_model = true,
         .needs_labels = true},
        {.name = "gt-known",
         .title = "GT-known %",
         .meaning = "the box of the true class is right (IoU >= 0.5)",
         .needs_boxes = true},
        {.name = "maxboxacc",
         .title = "MaxBoxAcc %",
         .meaning = "the same at the best threshold for the whole set (Choe 2020)",
         .pooling = Pooling::box_hits,
         .needs_boxes = true},
        {.name = "maxboxaccv2",
         .title = "MaxBoxAccV2 %",
         .meaning = "any contour, mean over IoU 0.3, 0.5, 0.7 (Choe 2020)",
         .pooling = Pooling::box_hits,
         .needs_boxes = true},
        {.name = "pxap",
         .title = "PxAP %",
         .meaning = "average precision of pixels against masks (Choe 2020)",
         .pooling = Pooling::pixel_counts,
         .needs_masks = true},
        {.name = "pointing",
         .title = "pointing %",
         .meaning = "the map's maximum lies in a true box (Zhang 2016)",
         .needs_boxes = true},
        {.name = "drop",
         .title = "avg. drop %",
         .meaning = "confidence lost when only the map's pixels are left (Chattopadhay 2018)",
         .higher_is_better = false,
         .needs_model = true},
        {.name = "increase",
         .title = "increase %",
         .meaning = "confidence rises then (Chattopadhay 2018)",
         .needs_model = true},
        {.name = "insertion",
         .title = "insertion AUC",
         .meaning = "confidence as pixels are added to a blurred image (Petsiuk 2018)",
         .pooling = Pooling::mean,
         .needs_model = true},
        {.name = "deletion",
         .title = "deletion AUC",
         .meaning = "confidence as pixels are removed (Petsiuk 2018)",
         .higher_is_better = false,
         .pooling = Pooling::mean,
         .needs_model = true},
        {.name = "road",
         .title = "ROAD",
         .meaning = "confidence kept without the least, less without the most relevant (Rong 2022)",
         .pooling = Pooling::mean,
         .needs_model = true},
        {.name = "sanity",
         .title = "sanity",
         .meaning = "rank correlation with the map of a randomised network (Adebayo 2018)",
         .higher_is_better = false,
         .pooling = Pooling::mean,
         .needs_model = true},
        {.name = "time",
         .title = "ms an image",
         .meaning = "network and map, without decoding",
         .higher_is_better = false,
         .pooling = Pooling::mean,
         .needs_model = true},
    };
    return all;
}

bool has_metric(const std::vector<Metric>& metrics, std::string_view name) {
    return std::ranges::find(metrics, name, &Metric::name) != metrics.end();
}

const Metric& find_metric(const std::string& name) {
    const auto& all = metrics();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Metric& metric) { return metric.name == name; });
    if (found != all.end()) return *found;
    std::vector<std::string> names;
    for (const Metric& metric : all) names.push_back(metric.name);
    throw Error(ErrorKind::usage,
                fmt::format("there is no metric {}{}", text::quote(name), text::did_you_mean(name, names)));
}

}  // namespace locus::evaluate
