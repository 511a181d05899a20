#pragma once

/// training.html: the curves of a training as a page that needs nothing but itself.

#include <string>
#include <vector>

#include "train/options.hpp"

namespace locus::train {

/// The page for `history`; `title` names the network. Curves by epoch: loss, accuracy, localization and images a
/// second, each where it was measured; beneath them a table, a row an epoch, with the learning rate and the photos'
/// size too.
std::string training_page(const std::vector<EpochRecord>& history, int epochs, const std::string& title);

}  // namespace locus::train
