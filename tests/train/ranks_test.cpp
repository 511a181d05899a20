#include "train/ranks/rank_environment.hpp"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "train/data/batch_maker.hpp"

namespace locus::train {
namespace {

using test::error_of;
using testing::HasSubstr;

RankEnvironment ranks_in(const std::map<std::string, std::string>& variables) {
    return rank_environment([&](const char* name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
}

TEST(RankEnvironment, NothingMeansOneProcess) {
    EXPECT_EQ(ranks_in({}).size, 1);
    EXPECT_EQ(ranks_in({{"RANK", "3"}}).size, 1);  // set by something else
}

TEST(RankEnvironment, IsReadAsLaunchersSetIt) {
    const RankEnvironment torch =
        ranks_in({{"RANK", "2"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "big1"}, {"MASTER_PORT", "1234"}});
    EXPECT_EQ(torch.rank, 2);
    EXPECT_EQ(torch.size, 4);
    EXPECT_EQ(torch.host, "big1");
    EXPECT_EQ(torch.port, 1234);
    const RankEnvironment open_mpi =
        ranks_in({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
    EXPECT_EQ(open_mpi.rank, 1);
    EXPECT_EQ(open_mpi.host, "127.0.0.1");
    EXPECT_EQ(open_mpi.port, 29500);
    const RankEnvironment mpich = ranks_in({{"PMI_RANK", "0"}, {"PMI_SIZE", "3"}, {"MASTER_ADDR", "big1"}});
    EXPECT_EQ(mpich.size, 3);
    const RankEnvironment slurm = ranks_in({{"SLURM_PROCID", "5"},
                                            {"SLURM_STEP_NUM_TASKS", "6"},
                                            {"SLURM_NTASKS", "8"},
                                            {"SLURM_JOB_ID", "18004"},
                                            {"SLURM_JOB_NODELIST", "node[07-12,15]"}});
    EXPECT_EQ(slurm.rank, 5);
    EXPECT_EQ(slurm.size, 6);
    EXPECT_EQ(slurm.host, "node07");
    EXPECT_EQ(slurm.port, 20004);
}

TEST(RankEnvironment, FirstHostOfAList) {
    EXPECT_EQ(first_host("node07"), "node07");
    EXPECT_EQ(first_host("big1,node[1-3]"), "big1");
    EXPECT_EQ(first_host("node[3,5]"), "node3");
}

TEST(RankEnvironment, WhatDoesNotFitIsRefused) {
    EXPECT_THAT(error_of([] {
                    ranks_in({{"RANK", "4"}, {"WORLD_SIZE", "4"}});
                }),
                HasSubstr("RANK is '4'; a number from 0 to 3"));
    EXPECT_THAT(error_of([] { ranks_in({{"RANK", "0"}, {"WORLD_SIZE", "two"}}); }), HasSubstr("WORLD_SIZE is 'two'"));
    EXPECT_THAT(error_of([] {
                    ranks_in({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "2"}});
                }),
                HasSubstr("set MASTER_ADDR"));
}

TEST(Groups, AreTheSameHoweverManyRanksThereAre) {
    for (const std::size_t count : {10U, 64U, 37U}) {
        const std::vector<Range> alone = groups_of(count, 8, {0, 1});
        for (const int ranks : {2, 3, 8}) {
            for (std::size_t g = 0; g < alone.size(); ++g) {
                std::size_t at = alone[g].begin;
                for (int rank = 0; rank < ranks; ++rank) {
                    const Range part = groups_of(count, 8, {rank, ranks}).at(g);
                    EXPECT_EQ(part.begin, at);
                    EXPECT_GT(part.end, part.begin);  // nobody is idle
                    at = part.end;
                }
                EXPECT_EQ(at, alone[g].end);
            }
        }
        EXPECT_EQ(alone.back().end, count);
    }
}

}  // namespace
}  // namespace locus::train
