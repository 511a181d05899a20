#pragma once

/// training.html: the curves of a training as a page that needs nothing but itself.

#include <string>
#include <vector>

#include "train/options.hpp"

namespace locus::train {

/// The page for `history`; `title` names the network. Curves: loss, accuracy, localization, learning rate and photo size by epoch.
std::string training_page(const std::vector<EpochRecord>& history, int epochs, const std::string& title);

}  // namespace locus::train
