// The request parser against any bytes, pipelined requests included: however they are cut, the
// same requests come, the same refusal, and the same bytes stay.
#include "request.h"

#include "../tests/check.h"
#include "input.h"

using namespace ppbench;

namespace {

struct Outcome {
    std::vector<Request> requests;
    int refused = 0;
    std::string rest;
};

Outcome parse(const std::vector<std::string_view>& pieces) {
    Outcome outcome;
    RequestParser parser;
    for (const std::string_view piece : pieces) {
        outcome.rest += piece;
        for (;;) {
            const RequestParser::State state = parser.feed(outcome.rest);
            if (state == RequestParser::State::failed) {
                outcome.refused = parser.status();
                outcome.rest.clear();
                return outcome;
            }
            if (state == RequestParser::State::more) break;
            CHECK(parser.status() == 0);
            CHECK(!parser.wants_continue());
            outcome.requests.push_back(std::move(parser.request()));
            parser = {};
        }
        parser.wants_continue();
    }
    return outcome;
}

void check(const Request& request) {
    CHECK(!request.method.empty() && !request.path.empty());
    CHECK(request.body.size() <= RequestParser::kMaxBody);
    for (const auto& [name, value] : request.headers) {
        CHECK(!name.empty() && name.find_first_of("\r\n:ABCXYZ") == name.npos);
        CHECK(value.find("\r\n") == value.npos);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::Input input = fuzz::read(data, size, 4096);
    const Outcome one = parse({input.stream});
    const Outcome many = parse(fuzz::pieces(input.stream, input.cut));
    CHECK(one.refused == many.refused);
    CHECK(one.rest == many.rest);
    CHECK(one.requests.size() == many.requests.size());
    for (std::size_t i = 0; i < one.requests.size(); ++i) {
        const Request& a = one.requests[i];
        const Request& b = many.requests[i];
        check(a);
        CHECK(a.method == b.method && a.path == b.path && a.body == b.body);
        CHECK(a.headers == b.headers);
        CHECK(a.http11 == b.http11 && a.keep_alive == b.keep_alive);
    }
    return 0;
}
