#pragma once

/// Which of several processes this is, as the launcher says in the environment: torchrun (RANK, WORLD_SIZE), Open MPI's
/// mpirun (OMPI_COMM_WORLD_*), MPICH's and Intel's (PMI_*) and Slurm's srun (SLURM_PROCID, SLURM_NTASKS).
///
///     train::RankEnvironment ranks = train::rank_environment();
///     ranks.rank;       // 0 ... ranks.size - 1
///     ranks.host;       // where rank 0 listens: MASTER_ADDR, or what follows from the launcher
///
/// One process, where the environment says nothing.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace locus::train {

struct RankEnvironment {
    int rank = 0, size = 1;
    std::string host = "127.0.0.1";
    std::uint16_t port = 29500;
    std::string launcher;  ///< "torchrun", "Open MPI", "MPI", "Slurm"; empty: none
};

/// Throws Error(usage) where a variable is no number or does not fit the others, or where rank 0's address is not
/// known. `variable` looks a name up; the default is the environment.
RankEnvironment rank_environment(const std::function<std::optional<std::string>(const char*)>& variable = {});

/// The first host of a list as Slurm writes it: "node07" of "node[07-12,15],big1".
std::string first_host(const std::string& list);

}  // namespace locus::train
