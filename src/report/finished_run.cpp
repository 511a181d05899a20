#include "report/finished_run.hpp"

#include <fstream>
#include <system_error>

#include <nlohmann/json.hpp>

#include "files/atomic_file.hpp"
#include "report/out_folder.hpp"

namespace locus::report {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* failures_key = "failed";
constexpr const char* failed_inputs_key = "failed_inputs";

}  // namespace

void note_finished(const fs::path& out, const RunPlan& plan, const FailedInputs& failed) {
    const Json failures{{failures_key, failed.count}, {failed_inputs_key, failed.which}};
    files::write_file_atomically(settings_path(out), settings_json(plan) + '\n' + failures.dump() + '\n');
}

FailedInputs failed_inputs(const fs::path& out) {
    std::ifstream stream(settings_path(out), std::ios::binary);
    std::string line;
    std::getline(stream, line);
    std::getline(stream, line);
    const Json noted = Json::parse(line, nullptr, false);
    FailedInputs failures;
    if (!noted.is_object()) return failures;
    if (const auto count = noted.find(failures_key); count != noted.end() && count->is_number_unsigned())
        failures.count = count->get<std::size_t>();
    for (const Json& index : noted.value(failed_inputs_key, Json::array()))
        if (index.is_number_unsigned()) failures.which.push_back(index.get<std::size_t>());
    return failures;
}

std::vector<bool> images_lacking_files(const fs::path& out) {
    std::ifstream stream(out / "results.json", std::ios::binary);
    std::string line;
    while (std::getline(stream, line) && line != "  \"images\": [") continue;
    std::vector<bool> lacking;
    while (std::getline(stream, line) && line.starts_with("    {")) {
        if (line.ends_with(',')) line.pop_back();
        lacking.push_back(lacks_files(out, line));
    }
    return lacking;
}

std::string missing_output(const fs::path& out, const RunPlan& plan) {
    std::vector<std::string> names{"results.json"};
    if (plan.boxes) names.insert(names.end(), {"boxes.csv", "boxes.coco.json"});
    if (plan.report) names.emplace_back("report.html");
    std::error_code unknown;
    for (std::string& name : names)
        if (!fs::exists(out / name, unknown)) return name;
    return {};
}

}  // namespace locus::report
