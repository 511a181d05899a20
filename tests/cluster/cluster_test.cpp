#include "cluster/cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

namespace locus::cluster {
namespace {

constexpr std::size_t ahead = 4;
constexpr int threads = 3;

std::vector<Unit> units_of_one(std::size_t count) {
    std::vector<Unit> units;
    for (std::size_t i = 0; i < count; ++i) units.push_back({i});
    return units;
}

/// 20 units, of which the first takes until it is released. The others end at once.
class Deal : public testing::Test {
protected:
    std::string work(const Unit& unit) {
        if (unit[0] == 0) released_.wait();
        if (unit[0] == 0 && fails_) throw std::runtime_error("the slow one");
        return std::to_string(unit[0]);
    }
    void take(const Unit& unit, const std::string& text) {
        EXPECT_EQ(text, std::to_string(unit[0]));
        taken_.push_back(unit[0]);
        ++count_;
    }
    std::future<void> deal() {
        return std::async(std::launch::async, [this] {
            Cluster::alone().deal(
                units_, [this](const Unit& unit) { return work(unit); }, threads, &stop_,
                [this](const Unit& unit, const std::string& text) { take(unit, text); }, ahead);
        });
    }
    /// Until as many units were taken as may be, and a while longer, in which no other one may.
    void wait_until_held() const {
        while (count_ < ahead - 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        EXPECT_EQ(count_, ahead - 1);
    }

    std::vector<Unit> units_ = units_of_one(20);
    std::promise<void> release_;
    std::shared_future<void> released_ = release_.get_future().share();
    std::atomic<bool> stop_{false}, fails_{false};
    std::atomic<std::size_t> count_{0};
    std::vector<std::size_t> taken_;
};

TEST_F(Deal, NoMoreThanAheadAreBegunBehindASlowUnitAndThenAllAreDone) {
    auto over = deal();
    wait_until_held();
    release_.set_value();
    over.get();
    EXPECT_EQ(taken_.at(ahead - 1), 0);
    std::vector<std::size_t> all;
    for (const Unit& unit : units_) all.push_back(unit[0]);
    EXPECT_THAT(taken_, testing::UnorderedElementsAreArray(all));
}

TEST_F(Deal, StoppedWhileOthersWaitItEndsWithTheSlowUnit) {
    auto over = deal();
    wait_until_held();
    stop_ = true;
    release_.set_value();
    over.get();
    EXPECT_THAT(taken_, testing::UnorderedElementsAre(0, 1, 2, 3));
}

TEST_F(Deal, AFailureOfTheSlowUnitEndsThoseThatWait) {
    fails_ = true;
    auto over = deal();
    wait_until_held();
    release_.set_value();
    EXPECT_THROW(over.get(), std::runtime_error);
    EXPECT_THAT(taken_, testing::UnorderedElementsAre(1, 2, 3));
}

TEST_F(Deal, OneThreadNeverWaitsForItself) {
    release_.set_value();
    Cluster::alone().deal(
        units_, [this](const Unit& unit) { return work(unit); }, 1, nullptr,
        [this](const Unit& unit, const std::string& text) { take(unit, text); }, 0);
    EXPECT_EQ(taken_.size(), units_.size());
}

}  // namespace
}  // namespace locus::cluster
