"""What an integration in Python does, against `canva simulate`: it logs a user in, uploads, polls, tags, imports and
refreshes; then it makes the classic mistakes, each of which must be answered with its reason.

Reads the JSON that `canva --json simulate` prints. Written from Canva's documentation alone, with requests and Authlib.
"""

import base64
import json
import pathlib
import sys
import time
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session

CANVA = json.load(sys.stdin)
API, ORIGIN = CANVA["base_url"], CANVA["base_url"].removesuffix("/rest")
REDIRECT = "http://127.0.0.1:3001/oauth/redirect"
SCOPES = "asset:read asset:write design:content:write design:meta:read profile:read"
FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"
PHOTO, DECK = FIXTURES.joinpath("photo.jpg").read_bytes(), FIXTURES.joinpath("deck.pdf").read_bytes()


def check(right, what):
    if not right:
        sys.exit(f"not as it should be: {what}")


def metadata(**fields):
    return json.dumps({key: base64.b64encode(text.encode()).decode() for key, text in fields.items()})


def client():
    return OAuth2Session(
        CANVA["client_id"],
        CANVA["client_secret"],
        scope=SCOPES,
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic",
    )


def consent(session, verifier):
    """What the browser brings back."""
    page, _ = session.create_authorization_url(CANVA["authorization_url"], code_verifier=verifier)
    back = requests.get(page, allow_redirects=False)
    check(back.status_code == 302, f"the consent page: {back.status_code} {back.text}")
    return back.headers["location"]


def log_in():
    session, verifier = client(), generate_token(64)
    session.fetch_token(
        CANVA["token_url"], authorization_response=consent(session, verifier), code_verifier=verifier
    )
    return session


def finished(session, jobs, response):
    check(response.status_code == 200, f"{jobs}: {response.status_code} {response.text}")
    job = response.json()["job"]
    while job["status"] == "in_progress":
        time.sleep(0.05)
        job = session.get(f"{API}{jobs}/{job['id']}").json()["job"]
    check(job["status"] == "success", job)
    return job


def flow():
    session = log_in()
    check(session.token["token_type"] == "Bearer" and session.token["scope"] == SCOPES, session.token)

    headers = {"Content-Type": "application/octet-stream", "Asset-Upload-Metadata": metadata(name_base64="Hero 🚀")}
    uploaded = session.post(f"{API}/v1/asset-uploads", data=PHOTO, headers=headers)
    check("x-request-id" in uploaded.headers, uploaded.headers)
    asset = finished(session, "/v1/asset-uploads", uploaded)["asset"]
    tagged = session.patch(f"{API}/v1/assets/{asset['id']}", json={"tags": ["launch"]}).json()["asset"]
    check((tagged["name"], tagged["tags"]) == ("Hero 🚀", ["launch"]), tagged)
    check(requests.get(asset["thumbnail"]["url"]).content == PHOTO, "the thumbnail")

    fields = {"title_base64": base64.b64encode(b"Q4").decode(), "mime_type": "application/pdf"}
    headers = {"Content-Type": "application/octet-stream", "Import-Metadata": json.dumps(fields)}
    imported = session.post(f"{API}/v1/imports", data=DECK, headers=headers)
    check(finished(session, "/v1/imports", imported)["result"]["designs"][0]["title"] == "Q4", "the design's title")

    before = session.token
    session.refresh_token(CANVA["token_url"])
    check(session.token["access_token"] != before["access_token"], "a new access token")
    check(session.token["refresh_token"] != before["refresh_token"], "a new refresh token")
    check(session.get(f"{API}/v1/assets/{asset['id']}").status_code == 200, "the new token")
    return session


def mistakes(session):
    """Each with the status, the code and what the reason must name."""
    basic, token = (CANVA["client_id"], CANVA["client_secret"]), session.token["access_token"]
    upload, asset = f"{API}/v1/asset-uploads", f"{API}/v1/assets/none"
    named = {"Asset-Upload-Metadata": metadata(name_base64="n")}
    octets = {"Content-Type": "application/octet-stream", **named}

    def bearer(text):
        return {"Authorization": text}

    def exchange(auth=basic, times=1, **changed):
        new, verifier = client(), generate_token(64)
        code = parse_qs(urlsplit(consent(new, verifier)).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": REDIRECT}
        form = {key: value for key, value in {**form, **changed}.items() if value is not None}
        return [requests.post(CANVA["token_url"], data=form, auth=auth) for _ in range(times)][-1]

    def revoked():
        ended = log_in()
        ended.revoke_token(CANVA["token_url"].replace("/token", "/revoke"), token=ended.token["refresh_token"])
        return ended.get(asset)

    def page(**changed):
        session, verifier = client(), generate_token(64)
        url, _ = session.create_authorization_url(CANVA["authorization_url"], code_verifier=verifier)
        query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        query = {key: value for key, value in {**query, **changed}.items() if value is not None}
        return requests.get(CANVA["authorization_url"], params=query, allow_redirects=False)

    return [
        ("no token", requests.get(asset), 401, "invalid_access_token", "no Authorization"),
        ("Bearer twice", requests.get(asset, headers=bearer(f"Bearer Bearer {token}")), 401, "invalid_access_token", "twice"),
        ("no Bearer", requests.get(asset, headers=bearer(token)), 401, "invalid_access_token", "Bearer"),
        ("the secret as token", requests.get(asset, headers=bearer(f"Bearer {basic[1]}")), 401, "invalid_access_token", "secret"),
        ("a revoked token", revoked(), 401, "revoked_access_token", "revoked"),
        ("a form", session.post(upload, files={"file": PHOTO}, headers=named), 415, "unsupported_content_type", "multipart"),
        ("a plain name", session.post(upload, data=PHOTO, headers={**octets, "Asset-Upload-Metadata": '{"name":"n"}'}), 400, "invalid_header_value", "name_base64"),
        ("no /rest", session.get(f"{ORIGIN}/v1/assets/none"), 404, "endpoint_not_found", "/rest/v1/assets/none"),
        ("not simulated", session.get(f"{API}/v1/exports/none"), 404, "endpoint_not_found", "Canva has"),
        ("another kind of job", session.get(f"{API}/v1/imports/none"), 404, "not_found", "none"),
        ("no credentials", exchange(auth=None), 400, "unauthorized_client", "Authorization"),
        ("a wrong secret", exchange(auth=(basic[0], "wrong")), 401, "invalid_access_token", "secret"),
        ("no verifier", exchange(code_verifier=None), 400, "invalid_field", "code_verifier is missing"),
        ("a code twice", exchange(times=2), 400, "invalid_grant", "used before"),
        ("another verifier", exchange(code_verifier="v" * 43), 400, "invalid_grant", "code_verifier"),
        ("another redirect_uri", exchange(redirect_uri="http://127.0.0.1:3001/other"), 400, "invalid_grant", "/other"),
        ("JSON for a form", requests.post(CANVA["token_url"], json={}, auth=basic), 400, "bad_request_body", "application/json"),
        ("no PKCE", page(code_challenge=None), 400, None, "code_challenge"),
        ("another client", page(client_id="another"), 400, None, "client_id"),
        ("plain PKCE", page(code_challenge_method="plain"), 400, None, "code_challenge_method"),
    ]


def in_a_job(session):
    """Bytes of the right type that are no file."""
    octets = {"Content-Type": "application/octet-stream", "Asset-Upload-Metadata": metadata(name_base64="n")}
    form = requests.Request("POST", API, files={"file": PHOTO}).prepare().body
    for what, body, reason in [("a form", form, "multipart"), ("Base64", base64.b64encode(PHOTO), "Base64")]:
        job = session.post(f"{API}/v1/asset-uploads", data=body, headers=octets).json()["job"]
        while job["status"] == "in_progress":
            time.sleep(0.05)
            job = session.get(f"{API}/v1/asset-uploads/{job['id']}").json()["job"]
        check(reason in job["error"]["message"], f"{what} as bytes: {job}")


session = flow()
for what, response, status, code, reason in mistakes(session):
    said = f"{response.text} {response.headers.get('x-simulator-reason')}"
    right = response.status_code == status and reason in said
    check(right and (code is None or response.json()["code"] == code), f"{what}: {response.status_code} {said}")
in_a_job(session)
