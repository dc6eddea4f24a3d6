// The Python face of the engine and the server. Only binds: converts values, releases the GIL
// while blocking and lets Ctrl-C through. _engine.pyi says what each name means.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <limits>

#include "clock.h"
#include "engine.h"
#include "server.h"
#include "text.h"

namespace py = pybind11;

namespace ppbench {
namespace {

constexpr std::int64_t kSignalsNs = 100'000'000;  // how long Ctrl-C may go unnoticed
using Until = std::optional<std::int64_t>;

// Waits in slices without the GIL. `poll(until_ns)` answers with something that is true when
// there is a result; `over()` tells that none can come any more.
template <class Poll, class Over>
auto wait_in_slices(const Until& until, Poll poll, Over over) {
    const std::int64_t last = until.value_or(std::numeric_limits<std::int64_t>::max());
    for (;;) {
        const bool none_to_come = over();
        auto result = [&] {
            const py::gil_scoped_release release;
            return poll(std::min(last, now_ns() + kSignalsNs));
        }();
        if (result || none_to_come || now_ns() >= last) return result;
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
}

// Header bytes are not always UTF-8; Latin-1 keeps each of them.
py::str latin1(const std::string& text) {
    PyObject* object = PyUnicode_DecodeLatin1(text.data(), std::ssize(text), nullptr);
    if (object == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::str>(object);
}

py::str utf8(const std::string& text) {
    PyObject* object = PyUnicode_DecodeUTF8(text.data(), std::ssize(text), "replace");
    if (object == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::str>(object);
}

template <class Class>
auto as_bytes(std::string Class::*member) {
    return [member](const Class& self) { return py::bytes(self.*member); };
}

std::shared_ptr<Transfer> make_transfer(std::string id, std::string url,
                                        std::vector<std::string> headers, const py::bytes& body,
                                        long timeout_ms, bool stream, bool watch, long idle_ms) {
    if (timeout_ms < 0 || idle_ms < 0)
        throw py::value_error("timeout_ms and idle_ms must not be negative");
    for (const std::string& line : headers)
        if (line.find(':') == line.npos || has_line_break(line))
            throw py::value_error("a header must read 'Name: value' on one line");
    return std::make_shared<Transfer>(Transfer{std::move(id), std::move(url), std::move(headers),
                                               std::string(body), timeout_ms, stream, watch, idle_ms});
}

std::optional<Report> wait(Engine& engine, const Until& until) {
    if (auto report = engine.take()) return report;  // nobody else needs the GIL for so little
    if (!until && engine.idle()) throw std::runtime_error("wait() would never return: idle");
    const auto poll = [&](std::int64_t slice) { return engine.wait(slice); };
    return wait_in_slices(until, poll, [&] { return engine.closed(); });
}

int prewarm(Engine& engine, const std::string& url, int connections, long timeout_ms) {
    if (connections < 0 || timeout_ms <= 0)
        throw py::value_error("connections must not be negative, timeout_ms must be positive");
    const auto warming = engine.prewarm(url, connections, timeout_ms);
    const auto poll = [&](std::int64_t slice) { return engine.warmed(*warming, slice); };
    return wait_in_slices({}, poll, [&] { return engine.closed(); }).value_or(0);
}

std::unique_ptr<PacedServer> make_server(const std::string& host, int port,
                                         std::string certificate, std::string key,
                                         std::vector<std::string> libssl) {
    if (certificate.empty() != key.empty())
        throw py::value_error("certificate and key go together: give both or neither");
    std::optional<TlsContext::Settings> tls;
    if (!key.empty()) tls = {std::move(certificate), std::move(key), std::move(libssl)};
    try {
        const py::gil_scoped_release release;
        return std::make_unique<PacedServer>(host, port, tls);
    } catch (const ssl::NotFound& error) {
        throw py::import_error(error.what());
    }
}

std::optional<Incoming> next(PacedServer& server, const Until& until) {
    const auto poll = [&](std::int64_t slice) { return server.next(slice); };
    return wait_in_slices(until, poll, [&] { return server.stopped(); });
}

void respond(PacedServer& server, std::uint64_t token, int status,
             std::vector<std::pair<std::string, std::string>> headers,
             const std::vector<std::pair<std::int64_t, py::bytes>>& chunks, bool close,
             bool abort, const py::bytes& mark) {
    Reply reply{status, std::move(headers), {}, close, abort, std::string(mark)};
    reply.chunks.reserve(chunks.size());
    for (const auto& [at_ns, bytes] : chunks) reply.chunks.push_back({at_ns, std::string(bytes)});
    const py::gil_scoped_release release;
    server.respond(token, std::move(reply));
}

void bind_values(py::module_& m) {
    py::class_<Transfer, std::shared_ptr<Transfer>>(m, "Transfer", py::is_final())
        .def(py::init(&make_transfer), py::kw_only(), py::arg("id"), py::arg("url"),
             py::arg("headers"), py::arg("body"), py::arg("timeout_ms"), py::arg("stream"),
             py::arg("watch"), py::arg("idle_ms") = 0)
        .def_readonly("id", &Transfer::id)
        .def_readonly("url", &Transfer::url)
        .def_readonly("headers", &Transfer::headers)
        .def_property_readonly("body", as_bytes(&Transfer::body))
        .def_readonly("timeout_ms", &Transfer::timeout_ms)
        .def_readonly("stream", &Transfer::stream)
        .def_readonly("watch", &Transfer::watch)
        .def_readonly("idle_ms", &Transfer::idle_ms);

    py::class_<Event>(m, "Event", py::is_final())
        .def_property_readonly("data", as_bytes(&Event::data))
        .def_property_readonly("name", as_bytes(&Event::name))
        .def_readonly("kernel_ns", &Event::kernel_ns)
        .def_readonly("user_ns", &Event::user_ns)
        .def_readonly("waited_ns", &Event::waited_ns)
        .def_readonly("shared", &Event::shared);

    py::class_<Progress, std::shared_ptr<Progress>>(m, "Progress", py::is_final())
        .def_readonly("id", &Progress::id)
        .def_readonly("events", &Progress::events);

    const auto headers = [](const Done& self) {
        py::list list;
        for (const auto& [name, value] : self.headers)
            list.append(py::make_tuple(latin1(name), latin1(value)));
        return list;
    };
    const auto columns = [](const Done& self) {
        const std::size_t size = self.events.size();
        py::list data(size), kernel(size), user(size), waited(size), shared(size);
        for (std::size_t i = 0; i < size; ++i) {
            const Event& event = self.events[i];
            data[i] = py::bytes(event.data);
            kernel[i] = event.kernel_ns;
            user[i] = event.user_ns;
            waited[i] = event.waited_ns;
            shared[i] = py::bool_(event.shared);
        }
        return py::make_tuple(data, kernel, user, waited, shared);
    };
    py::class_<Done, std::shared_ptr<Done>>(m, "Done", py::is_final())
        .def_readonly("id", &Done::id)
        .def_readonly("status", &Done::status)
        .def_readonly("error_kind", &Done::error_kind)
        .def_property_readonly("error", [](const Done& self) { return utf8(self.error); })
        .def_property_readonly("headers", headers)
        .def_property_readonly("body", as_bytes(&Done::body))
        .def_readonly("events", &Done::events)
        .def("columns", columns)
        .def_readonly("queued_ns", &Done::queued_ns)
        .def_readonly("sent_ns", &Done::sent_ns)
        .def_readonly("headers_ns", &Done::headers_ns)
        .def_readonly("first_byte_ns", &Done::first_byte_ns)
        .def_readonly("last_kernel_ns", &Done::last_kernel_ns)
        .def_readonly("last_user_ns", &Done::last_user_ns)
        .def_readonly("done_ns", &Done::done_ns)
        .def_readonly("connect_ns", &Done::connect_ns)
        .def_readonly("tls_ns", &Done::tls_ns)
        .def_readonly("reused", &Done::reused)
        .def_readonly("http_version", &Done::http_version)
        .def_readonly("bytes", &Done::bytes)
        .def_readonly("local_port", &Done::local_port)
        .def_readonly("clock_stepped", &Done::clock_stepped);
}

void bind_engine(py::module_& m) {
    const auto make = [](std::vector<std::string> libcurl, std::string ca_file,
                         std::size_t max_in_flight, std::size_t max_reply_bytes, bool http2) {
        const py::gil_scoped_release release;
        return std::make_unique<Engine>(Engine::Settings{std::move(libcurl), std::move(ca_file),
                                                         max_in_flight, max_reply_bytes, http2});
    };
    const auto submit = [](Engine& self, const std::vector<std::shared_ptr<Transfer>>& list) {
        const py::gil_scoped_release release;
        self.submit({list.begin(), list.end()});
    };
    const Engine::Settings standard;
    py::class_<Engine>(m, "Engine", py::is_final())
        .def(py::init(make), py::kw_only(), py::arg("libcurl"),
             py::arg("ca_file") = standard.ca_file,
             py::arg("max_in_flight") = standard.max_in_flight,
             py::arg("max_reply_bytes") = standard.max_reply_bytes,
             py::arg("http2") = standard.http2)
        .def_property_readonly("libcurl_version",
                               [](const Engine& self) { return self.library().version; })
        .def_property_readonly("libcurl_path",
                               [](const Engine& self) { return utf8(self.library().path); })
        .def("now", [](const Engine&) { return now_ns(); })
        .def("submit", submit, py::arg("transfers"))
        .def("wait", &wait, py::arg("until_ns") = py::none())
        .def("cancel", &Engine::cancel, py::arg("id"), py::call_guard<py::gil_scoped_release>())
        .def("prewarm", &prewarm, py::arg("url"), py::arg("connections"), py::arg("timeout_ms"))
        .def("close", &Engine::close, py::call_guard<py::gil_scoped_release>());
}

void bind_server(py::module_& m) {
    const auto headers = [](const Incoming& self) {
        py::dict dict;
        for (const auto& [name, value] : self.request.headers) dict[latin1(name)] = latin1(value);
        return dict;
    };
    py::class_<Incoming>(m, "Incoming", py::is_final())
        .def_readonly("token", &Incoming::token)
        .def_property_readonly("method",
                               [](const Incoming& self) { return latin1(self.request.method); })
        .def_property_readonly("path",
                               [](const Incoming& self) { return latin1(self.request.path); })
        .def_property_readonly("headers", headers)
        .def_property_readonly("body",
                               [](const Incoming& self) { return py::bytes(self.request.body); })
        .def_readonly("arrived_ns", &Incoming::arrived_ns);

    const auto tls_library = [](const PacedServer& self) -> std::string {
        if (self.tls() == nullptr) return {};
        const ssl::Library& library = self.tls()->library();
        return library.version + " (" + library.path + ")";
    };
    py::class_<PacedServer>(m, "PacedServer", py::is_final())
        .def(py::init(&make_server), py::arg("host") = "127.0.0.1", py::arg("port") = 0,
             py::kw_only(), py::arg("certificate") = "", py::arg("key") = "",
             py::arg("libssl") = std::vector<std::string>())
        .def_property_readonly("port", &PacedServer::port)
        .def_property_readonly("tls_library", tls_library)
        .def("next", &next, py::arg("until_ns") = py::none())
        .def("respond", &respond, py::arg("token"), py::arg("status"), py::arg("headers"),
             py::arg("chunks"), py::kw_only(), py::arg("close") = false,
             py::arg("abort") = false, py::arg("mark") = py::bytes())
        .def("stop", &PacedServer::stop, py::call_guard<py::gil_scoped_release>());
}

}  // namespace
}  // namespace ppbench

PYBIND11_MODULE(_engine, m, py::mod_gil_not_used()) {
    m.doc() = "The clock-keeping client and a paced server; see _engine.pyi.";
    ppbench::bind_values(m);
    ppbench::bind_engine(m);
    ppbench::bind_server(m);
}
