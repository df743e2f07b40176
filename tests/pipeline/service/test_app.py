"""The addresses of the service: what each form of request gives, what is refused, and that nothing is a 500."""

import json
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.service.settings import Limits
from tests.pipeline.service.conftest import StandIn, encoded, form, info, running


def test_raw_bytes_a_form_and_json_give_the_same(api):
    raw = api.score(b"\x2a image")
    assert raw[0] == 200
    (image,) = raw[2]["images"]
    assert image["score"] == 0.42 and image["status"] == "ok" and image["answer"] == "undecided"
    assert image["faces"][0]["box"] == [1, 2, 30, 40] and image["n_faces"] == 1
    assert raw[2]["model"]["version"] == "0123456789ab" and len(raw[2]["policy"]["version"]) == 12
    assert raw[1]["x-request-id"] == raw[2]["request_id"]
    body, kind = form(b"\x2a image", b"\x5a other")
    several = api.score(body, kind=kind)[2]["images"]
    assert [found["score"] for found in several] == [0.42, 0.9]
    assert [found["name"] for found in several] == ["0.jpg", "1.jpg"]
    assert several[0] | {"name": ""} == image | {"name": ""}
    assert (
        api.score(encoded(b"\x2a image"), kind="application/json")[2]["images"][0]["sha256"]
        == image["sha256"]
    )


def test_answers_come_from_the_thresholds_and_probabilities_from_the_prior(api):
    answers = api.score(encoded(b"\x5a", b"\x05", b"\x32"), "/score?prior=0.01", "application/json")[2]
    assert [image["answer"] for image in answers["images"]] == ["fake", "real", "undecided"]
    assert [image["score"] for image in answers["images"]] == [0.9, 0.05, 0.5]
    assert answers["images"][0]["probability"] == pytest.approx(9 / (9 + 99))
    assert answers["policy"]["prior"] == 0.01


def test_an_image_that_cannot_be_read_has_no_score_and_affects_only_itself(api):
    status, _, body = api.score(encoded(b"\xff", b"\x14"), kind="application/json")
    assert status == 200
    assert [image["score"] for image in body["images"]] == [None, 0.2]
    assert body["images"][0]["status"] == "not_an_image" and body["images"][0]["warnings"] == ["it is text"]
    assert api.score(b"\xff alone")[0] == 422


def test_content_credentials_stand_beside_the_score_and_change_no_answer(api):
    images = api.score(
        encoded(*(b"\x5a%d" % n for n in range(4)), b"\x5a", b"\xff1"), kind="application/json"
    )[2]["images"]
    *told, none, unread = [image["content_credentials"] for image in images]
    assert [one["status"] for one in told] == ["absent", "valid", "broken", "elsewhere"]
    assert told[1] == {
        "status": "valid",
        "signer": "Camera Makers",
        "tool": "a camera",
        "sources": ["digitalCapture"],
        "problems": [],
    }
    assert none is unread is None
    assert {(image["score"], image["answer"], *image["warnings"]) for image in images[:5]} == {(0.9, "fake")}


ASKED = [
    ("POST", "/score", b"\x5a"),
    ("POST", "/score", b"\xff"),
    ("POST", "/score", b"\xfe"),
    ("POST", "/score", b""),
    ("POST", "/score?rate=0.5", b"\x5a"),
    ("POST", "/score?prior=2", b"\x5a"),
    ("POST", "/explain", b"\x5a"),
    ("POST", "/explain?page=true", b"\x5a"),
    ("POST", "/explain", b"\xff"),
    ("POST", "/explain", b"\xfd"),
    ("POST", "/explain?page=true", b"\xfd"),
    ("GET", "/score?path=a.jpg", None),
    ("GET", "/score?path=gone.jpg", None),
    ("GET", "/score?path=../a.jpg", None),
    ("GET", "/health", None),
    ("GET", "/ready", None),
    ("GET", "/version", None),
    ("GET", "/metrics", None),
]


def test_what_is_answered_is_what_the_description_says(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\x5a")
    with running(tmp_path, images=tmp_path) as api:
        description = api.ask("GET", "/openapi.json")[2]
        seen = set()
        for method, target, body in ASKED:
            status, headers, content = api.ask(method, target, body)
            path = target.partition("?")[0]
            seen.add((path, method.lower()))
            described = description["paths"][path][method.lower()]["responses"][str(status)]["content"]
            kind = headers["content-type"].partition(";")[0]
            assert kind in described, (method, target, status)
            if kind == "application/json":
                assert_fits(content, described[kind]["schema"], description)
    assert seen == {(path, method) for path, methods in description["paths"].items() for method in methods}


def assert_fits(value, schema, description):
    """Objects have what the schema demands; not a validator, but one that says whether the right record is named."""
    if "$ref" in schema:
        return assert_fits(
            value, description["components"]["schemas"][schema["$ref"].rpartition("/")[2]], description
        )
    if "anyOf" in schema:
        fitting = [one for one in schema["anyOf"] if fits(value, one, description)]
        assert fitting, (value, schema)
        return None
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
    }
    kind = schema.get("type")
    assert value is None if kind == "null" else kind is None or isinstance(value, kinds[kind]), (
        value,
        schema,
    )
    if kind == "object":
        assert set(schema.get("required", ())) <= set(value), (value, schema)
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                assert_fits(value[name], inner, description)
    if kind == "array":
        for one in value:
            assert_fits(one, schema["items"], description)
    return None


def fits(value, schema, description):
    try:
        assert_fits(value, schema, description)
    except AssertionError:
        return False
    return True


def test_a_failure_inside_affects_only_its_image(api):
    status, _, body = api.score(encoded(b"\xfe", b"\x14"), kind="application/json")
    assert status == 200
    assert [image["status"] for image in body["images"]] == ["internal_error", "ok"]


BAD = {
    "no body": (b"", "image/jpeg", 400, "no_image"),
    "no JSON": (b"{", "application/json", 400, "bad_json"),
    "deep JSON": (b"[" * 100_000, "application/json", 400, "bad_json"),
    "no images": (b'{"images": []}', "application/json", 400, "bad_json"),
    "an address": (b'{"images": [{"url": "http://x/"}]}', "application/json", 400, "bad_json"),
    "no base64": (b'{"images": [{"data": "\\u00e9"}]}', "application/json", 400, "bad_base64"),
    "a lone surrogate": (b'{"images": [{"data": "\\ud800"}]}', "application/json", 400, "bad_json"),
    "no boundary": (b"--XX", "multipart/form-data", 400, "bad_form"),
    "a broken form": (b"--YY\r\nabc", "multipart/form-data; boundary=XX", 400, "bad_form"),
    "no file": (b"--XX--\r\n", "multipart/form-data; boundary=XX", 400, "no_image"),
    "a form of fields": (b"a=b", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_request_that_cannot_be_read_is_refused_in_words(api, name):
    body, kind, status, code = BAD[name]
    found = api.score(body, kind=kind)
    assert (found[0], found[2]["code"]) == (status, code)
    assert found[2]["message"] and "\n" not in found[2]["message"]


@pytest.mark.parametrize(
    "query", ["prior=0", "prior=nan", "prior=x", "rate=2", "rate=0.3", "every_face=perhaps"]
)
def test_a_parameter_out_of_range_is_refused(api, query):
    status, _, body = api.score(b"\x14", f"/score?{query}")
    assert status == 400 and body["code"] in ("bad_parameter", "bad_rate")


def test_too_much_is_refused_with_413(tmp_path):
    limits = Limits(body=1000, image=500, images=2)
    with running(tmp_path, limits=limits) as api:
        assert api.score(b"\x14" * 1001)[2]["code"] == "body_too_large"
        assert api.score(b"\x14" * 501)[2]["code"] == "image_too_large"
        assert (
            api.score(encoded(b"\x14", b"\x14", b"\x14"), kind="application/json")[2]["code"]
            == "too_many_images"
        )
        body, kind = form(b"a", b"b", b"c")
        assert api.score(body, kind=kind)[2]["code"] == "bad_form"
        status, _, body = api.ask(
            "POST", "/score", iter([b"\x14" * 600] * 3)
        )  # chunked: of no declared length
        assert (status, body["code"]) == (413, "body_too_large")
        assert api.service.held == [0]


def test_a_client_that_sends_too_slowly_is_let_go(tmp_path):
    with running(tmp_path, limits=Limits(read_s=0.2)) as api:
        with socket.create_connection(("127.0.0.1", api.port), timeout=10) as slow:
            slow.sendall(b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nab")
            assert b"408" in slow.recv(1000)
        assert api.service.held == [0]


def test_overload_gives_200_and_503_alone_and_every_answer_is_right(tmp_path):
    limits = Limits(queue=4, images=4)
    with (
        running(tmp_path, scorers=[StandIn(image_s=0.01)], limits=limits) as api,
        ThreadPoolExecutor(16) as pool,
    ):
        found = list(pool.map(lambda n: (n, api.score(bytes([n]))), [n % 100 for n in range(200)]))
        statuses = {status for _, (status, _, _) in found}
        assert statuses == {200, 503}
        for n, (status, headers, body) in found:
            if status == 200:
                assert body["images"][0]["score"] == n / 100
            else:
                assert int(headers["retry-after"]) >= 1 and body["code"] == "busy"
        assert api.service.held == [0]


def test_requests_that_wait_together_are_scored_together(tmp_path):
    scorer = StandIn()
    scorer.gate.clear()
    with running(tmp_path, scorers=[scorer]) as api, ThreadPoolExecutor(9) as pool:
        first = pool.submit(api.score, b"\x63")
        while api.service.queue.waiting or not api.service.held[0]:
            time.sleep(0.01)
        time.sleep(0.1)  # it is taken, not merely read
        found = [pool.submit(api.score, bytes([n])) for n in range(8)]
        while api.service.queue.waiting < 8:
            time.sleep(0.01)
        scorer.gate.set()
        assert first.result()[2]["images"][0]["score"] == 0.99
        assert [future.result()[2]["images"][0]["score"] for future in found] == [n / 100 for n in range(8)]
        assert [len(batch) for batch in scorer.batches] == [1, 8]


def test_an_answer_that_takes_too_long_is_503(tmp_path):
    scorer = StandIn()
    scorer.gate.clear()
    with running(tmp_path, scorers=[scorer], limits=Limits(wait_s=0.2)) as api:
        assert api.score(b"\x14")[0] == 503


def test_nothing_is_computed_for_who_has_gone(tmp_path):
    scorer = StandIn()
    scorer.gate.clear()
    with running(tmp_path, scorers=[scorer]) as api:
        first = threading.Thread(target=api.score, args=(b"\x01",))
        first.start()
        while api.service.queue.waiting or not api.service.held[0]:
            time.sleep(0.01)
        time.sleep(0.05)
        with socket.create_connection(("127.0.0.1", api.port)) as gone:
            gone.sendall(b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n\x02")
            while not api.service.queue.waiting:
                time.sleep(0.01)
        while api.service.held[0] > 1:
            time.sleep(0.01)
        scorer.gate.set()
        first.join()
        assert api.score(b"\x03")[0] == 200
        assert [batch for batch in scorer.batches if b"\x02" in batch] == []


def test_what_was_accepted_is_answered_when_the_service_ends(tmp_path):
    scorer = StandIn(image_s=0.05)
    scorer.gate.clear()  # on a busy machine some would be answered before the last one is accepted
    with running(tmp_path, scorers=[scorer]) as api, ThreadPoolExecutor(12) as pool:
        found = [pool.submit(api.score, bytes([n])) for n in range(12)]
        while api.service.held[0] < 12:
            time.sleep(0.005)
        api.service.is_draining = True
        assert api.ask("GET", "/ready")[0] == 503
        api.server.should_exit = True
        scorer.gate.set()
        assert [future.result()[2]["images"][0]["score"] for future in found] == [n / 100 for n in range(12)]
        assert all(future.result()[1]["connection"] == "close" for future in found)


def test_every_decision_is_a_line_of_the_audit_without_names(api):
    api.score(encoded(b"\x5a", b"\xff"), kind="application/json")
    text = api.service.settings.audit.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["status"], line["answer"]) for line in lines] == [("ok", "fake"), ("not_an_image", None)]
    assert all(line["policy"] == api.service.policy.version for line in lines)
    assert "0.jpg" not in text


def test_an_audit_that_cannot_be_written_is_counted(api):
    class Full:
        def write(self, _):
            raise OSError(28, "No space left on device")

    api.service.audit._file.close()
    api.service.audit._file = Full()
    assert api.score(b"\x14")[0] == 200
    assert b"faketrace_audit_failures_total 1.0" in api.ask("GET", "/metrics")[2]


def test_state_is_told(api):
    assert api.ask("GET", "/health")[2] == {"status": "ok"}
    assert api.ask("GET", "/ready")[2] == {"status": "ready"}
    found = api.ask("GET", "/version")[2]
    assert found["policy"]["fake_above"] == 0.8 and found["limits"]["images"] == 32
    api.score(b"\x14")
    text = api.ask("GET", "/metrics")[2].decode()
    assert 'faketrace_requests_total{path="/score",status="200"} 1.0' in text
    assert 'faketrace_training_share{le="0.5",what="score"}' in text
    assert 'faketrace_images_total{answer="undecided",status="ok"} 1.0' in text or 'answer="real"' in text


def test_the_description_names_every_form_of_request(api):
    spec = api.ask("GET", "/openapi.json")[2]
    content = spec["paths"]["/score"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/octet-stream", "multipart/form-data", "application/json"}
    assert "/score" in spec["paths"] and "get" not in spec["paths"]["/score"]
    assert "$defs" not in json.dumps(spec)


def test_the_pages_name_no_other_host(api):
    for path in ("/", "/docs", "/page/app.js", "/page/words.js", "/page/docs.js", "/page/style.css"):
        status, headers, body = api.ask("GET", path)
        assert status == 200 and b"https://" not in body and b'src="//' not in body
        assert "default-src 'self'" in headers["content-security-policy"]
    assert api.ask("GET", "/page/../app.py")[0] == 404
    assert api.ask("GET", "/page/index.html")[0] == 404
    assert api.ask("PUT", "/score")[0] == 405


def test_files_are_named_only_below_a_folder_that_was_given(tmp_path, api):
    assert api.ask("GET", "/score?path=a.jpg")[0] == 405
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "a/b.jpg").write_bytes(b"\x2a")
    (tmp_path / "secret").write_bytes(b"\x14")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    with running(tmp_path, images=root) as named:
        assert named.ask("GET", "/score?path=a/b.jpg")[2]["images"][0]["score"] == 0.42
        for path in ("../secret", "a/../../secret", str(tmp_path / "secret"), "a//b.jpg", "%00", "", "."):
            assert named.ask("GET", f"/score?path={path}")[0] == 400
        for path in ("link", "folder/secret", "pipe", "a", "absent.jpg"):
            assert named.ask("GET", f"/score?path={path}")[0] == 404


def test_without_thresholds_nothing_is_answered_real_or_fake(tmp_path):
    with running(tmp_path, bundle=info([(0.05, None, None)])) as api:
        (image,) = api.score(b"\x5a")[2]["images"]
        assert (image["answer"], image["reason"]) == ("undecided", "no_thresholds")


def test_reasons_come_as_json_or_as_a_page(api):
    status, _, body = api.score(b"\x5a", "/explain")
    assert status == 200 and body["reasons"] == {"raw": 1.0} and body["images"][0]["answer"] == "fake"
    assert api.score(b"\x5a", "/explain?page=true")[2] == b"<p>why</p>"
    assert api.score(b"\xff", "/explain")[0] == 422
    status, _, body = api.score(b"\xfd", "/explain?page=true")
    assert (status, body["images"][0]["warnings"]) == (501, ["torch is not installed"])
    assert (
        api.score(encoded(b"\x5a", b"\x5a"), "/explain", "application/json")[2]["code"] == "too_many_images"
    )
