#include "cluster/message.hpp"

#include <cstdint>
#include <cstring>

#include "locus/error.hpp"

namespace locus::cluster {

std::string pack(const std::vector<std::string>& parts) {
    std::string message;
    for (const std::string& part : parts) {
        const std::uint64_t size = part.size();
        message.append(reinterpret_cast<const char*>(&size), sizeof size);
        message += part;
    }
    return message;
}

std::vector<std::string> unpack(std::string_view message) {
    std::vector<std::string> parts;
    while (!message.empty()) {
        std::uint64_t size = 0;
        if (message.size() < sizeof size) throw Error(ErrorKind::io, "a message between ranks is cut off");
        std::memcpy(&size, message.data(), sizeof size);
        message.remove_prefix(sizeof size);
        if (message.size() < size) throw Error(ErrorKind::io, "a message between ranks is cut off");
        parts.emplace_back(message.substr(0, size));
        message.remove_prefix(size);
    }
    return parts;
}

}  // namespace locus::cluster
