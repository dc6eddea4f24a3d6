// Stories of the event parser: every line ending, every split, stamps and their owners.
#include "sse.h"

#include "check.h"

using namespace ppbench;

namespace {

std::vector<Event> parse_in_pieces(std::string_view bytes, std::size_t piece) {
    SseParser parser(1 << 20);
    std::vector<Event> events;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        CHECK(parser.push(bytes.substr(at, piece), {}, events));
    parser.finish(events);
    return events;
}

std::vector<Event> parse(std::string_view bytes) { return parse_in_pieces(bytes, bytes.size()); }

void lines_may_end_in_lf_crlf_or_cr() {
    for (const char* end : {"\n", "\r\n", "\r"}) {
        const std::string e = end;
        const auto events = parse("data: a" + e + "data: b" + e + e + "data:c" + e + e);
        CHECK(events.size() == 2);
        CHECK(events[0].data == "a\nb");
        CHECK(events[1].data == "c");
    }
}

void any_split_gives_the_same_events() {
    const std::string stream =
        "\xEF\xBB\xBF: hello\r\nevent: note\r\ndata: \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\r\n\r\n"
        "id: 7\rretry: 9\rdata\rdata:  two\r\rdata: {\"x\": \"a:b\"}\nunknown: u\n\n:\n\ndata: end";
    const auto whole = parse(stream);
    CHECK(whole.size() == 4);
    CHECK(whole[0].name == "note");
    CHECK(whole[0].data == "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
    CHECK(whole[1].data == "\n two");
    CHECK(whole[1].name.empty());
    CHECK(whole[2].data == "{\"x\": \"a:b\"}");
    CHECK(whole[3].data == "end");
    for (std::size_t piece = 1; piece < stream.size(); ++piece) {
        const auto events = parse_in_pieces(stream, piece);
        CHECK(events.size() == whole.size());
        for (std::size_t i = 0; i < events.size(); ++i) {
            CHECK(events[i].data == whole[i].data);
            CHECK(events[i].name == whole[i].name);
        }
    }
}

void an_event_without_data_is_no_event() {
    CHECK(parse("event: ping\n\n: comment\n\n\n\n").empty());
    const auto events = parse("event: ping\n\ndata: x\n\n");
    CHECK(events.size() == 1);
    CHECK(events[0].name.empty());
}

void an_empty_data_line_is_an_event() {
    const auto events = parse("data\n\ndata:\n\n");
    CHECK(events.size() == 2);
    CHECK(events[0].data.empty());
}

void the_read_that_completes_an_event_stamps_it() {
    SseParser parser(1 << 20);
    std::vector<Event> events;
    CHECK(parser.push("data: a\n", {10, 11, 1, false}, events));
    CHECK(parser.push("\ndata: b\n\n", {20, 21, 2, true}, events));
    CHECK(parser.push("data: c\n\n", {0, 31, 0, false}, events));
    CHECK(events.size() == 3);
    const Event& first = events[0];
    CHECK(first.kernel_ns == 20 && first.user_ns == 21 && first.waited_ns == 2 && first.shared);
    CHECK(events[1].kernel_ns == 20 && events[1].shared);
    CHECK(events[2].kernel_ns == 0 && events[2].user_ns == 31 && !events[2].shared);
}

void an_event_above_the_limit_is_refused() {
    SseParser lines(16);
    std::vector<Event> events;
    CHECK(lines.push("data: 123\n\ndata: 123\n\n", {}, events));
    CHECK(events.size() == 2);
    CHECK(!lines.push("data: 12345678901", {}, events));
    SseParser joined(16);
    CHECK(!joined.push("data: 1234567\ndata: 1234567\n", {}, events));
}

}  // namespace

int main() {
    TELL(lines_may_end_in_lf_crlf_or_cr);
    TELL(any_split_gives_the_same_events);
    TELL(an_event_without_data_is_no_event);
    TELL(an_empty_data_line_is_an_event);
    TELL(the_read_that_completes_an_event_stamps_it);
    TELL(an_event_above_the_limit_is_refused);
}
