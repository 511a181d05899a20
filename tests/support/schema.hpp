#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace locus::test {

/// What a JSON schema has against a document, a line each; empty where nothing.
inline std::string objections(const std::filesystem::path& schema_file, const nlohmann::json& document) {
    using valijson::adapters::NlohmannJsonAdapter;
    nlohmann::json text;
    std::ifstream(schema_file) >> text;
    valijson::Schema schema;
    valijson::SchemaParser().populateSchema(NlohmannJsonAdapter(text), schema);
    valijson::ValidationResults results;
    valijson::Validator().validate(schema, NlohmannJsonAdapter(document), &results);
    std::string found;
    valijson::ValidationResults::Error error;
    while (results.popError(error)) {
        for (const std::string& step : error.context) found += step;
        found += ": " + error.description + "\n";
    }
    return found;
}

}  // namespace locus::test
