#pragma once

/// Which output of a network is which class of a data set.
///
///     evaluate::ClassMatch match = evaluate::match_classes(data.classes, network_labels, 1000);
///     match.outputs[label];      // the network's class, none where nothing fits

#include <optional>
#include <string>
#include <vector>

#include "dataset/class_list.hpp"

namespace locus::evaluate {

struct ClassMatch {
    std::vector<std::optional<int>> outputs;  ///< for each class of the data set
    std::string how;                          ///< half a sentence for people: "by name", ...
};

/// In this order: the key or the name is one of a label's comma-separated names (case does not matter); exactly one
/// label has a name that ends with the class's ("American alligator" for "alligator"); the name's words are all among
/// the words of exactly one label, or the other way round. Where no class fits so, by number: the keys, if each is the
/// number of an output, else the order, if there are as many classes as outputs. Labels that are not one for each
/// output say nothing of which is which and are not looked at.
ClassMatch match_classes(const dataset::ClassList& classes, const std::vector<std::string>& labels,
                         std::int64_t outputs);

}  // namespace locus::evaluate
