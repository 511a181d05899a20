#include "train/ranks/rank_environment.hpp"

#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "locus/error.hpp"

namespace locus::train {

namespace {

struct Launcher {
    const char* name;
    const char* rank;
    const char* size;
    const char* local_size;  ///< processes on this machine; null: not said
};

constexpr std::array launchers{
    Launcher{"torchrun", "RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"},
    Launcher{"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"},
    Launcher{"MPI", "PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"},
    // In a batch script SLURM_NTASKS is what was asked for; a step of srun has a number of its own.
    Launcher{"Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", nullptr},
    Launcher{"Slurm", "SLURM_PROCID", "SLURM_NTASKS", nullptr},
};

int number(const char* name, const std::string& text, int least, int most) {
    int value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size() || value < least || value > most) {
        throw Error(ErrorKind::usage, fmt::format("the environment's {} is '{}'; a number from {} to {} is expected",
                                                  name, text, least, most));
    }
    return value;
}

}  // namespace

std::string first_host(const std::string& list) {
    const std::size_t bracket = list.find('['), comma = list.find(',');
    if (bracket == std::string::npos || comma < bracket) return list.substr(0, comma);
    const std::size_t end = list.find_first_of("-,]", bracket);
    return list.substr(0, bracket) + list.substr(bracket + 1, end == std::string::npos ? end : end - bracket - 1);
}

RankEnvironment rank_environment(const std::function<std::optional<std::string>(const char*)>& variable) {
    const auto look_up = [&](const char* name) -> std::optional<std::string> {
        if (variable) return variable(name);
        const char* value = std::getenv(name);
        return value && *value ? std::optional<std::string>(value) : std::nullopt;
    };
    RankEnvironment ranks;
    for (const Launcher& launcher : launchers) {
        const auto rank = look_up(launcher.rank), size = look_up(launcher.size);
        if (!rank || !size) continue;
        constexpr int most = 1 << 16;
        ranks.size = number(launcher.size, *size, 1, most);
        ranks.rank = number(launcher.rank, *rank, 0, ranks.size - 1);
        ranks.launcher = launcher.name;
        const auto here = launcher.local_size ? look_up(launcher.local_size) : std::nullopt;
        const bool one_machine = here && number(launcher.local_size, *here, 1, most) == ranks.size;
        if (const auto host = look_up("MASTER_ADDR")) {
            ranks.host = *host;
        } else if (const auto nodes = look_up("SLURM_JOB_NODELIST"); ranks.launcher == "Slurm" && nodes) {
            ranks.host = first_host(*nodes);
        } else if (ranks.size > 1 && !one_machine) {
            throw Error(ErrorKind::usage,
                        fmt::format("{} started {} processes, but nothing says where rank 0 is: set MASTER_ADDR to its "
                                    "machine's name or address",
                                    ranks.launcher, ranks.size));
        }
        break;
    }
    if (const auto port = look_up("MASTER_PORT")) {
        ranks.port =
            static_cast<std::uint16_t>(number("MASTER_PORT", *port, 1, std::numeric_limits<std::uint16_t>::max()));
    } else if (const auto job = look_up("SLURM_JOB_ID"); ranks.launcher == "Slurm" && job) {
        // Jobs that share a machine each have a port of their own.
        ranks.port =
            static_cast<std::uint16_t>(20000 + number("SLURM_JOB_ID", *job, 0, std::numeric_limits<int>::max()) % 9000);
    }
    return ranks;
}

}  // namespace locus::train
