import json

from fastapi import APIRouter, Cookie, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from api.models import Reading, Subscription
from api.sessions import COOKIE, read, sign

router = APIRouter()


@router.get("/")
async def index(request: Request):
    return {
        "service": "tideline",
        "stage": request.scope["env"].STAGE,
        "url": str(request.url),
        "docs": str(request.url_for("swagger_ui_html")),
    }


@router.get("/spots/")
async def spots(request: Request) -> list[Reading]:
    env = request.scope["env"]
    found = await env.READINGS.list(prefix="spot:")
    values = [await env.READINGS.get(key.name) for key in found["keys"]]
    return [Reading(**json.loads(value)) for value in values if value]


@router.post("/spots/refresh")
async def refresh(request: Request):
    answer = await request.scope["env"].INGEST.fetch("https://ingest/refresh", method="POST")
    if answer.status != 200:
        raise HTTPException(502, await answer.text())
    return await answer.json()


@router.post("/subscriptions", status_code=201)
async def subscribe(subscription: Subscription, request: Request, response: Response):
    env = request.scope["env"]
    known = await env.SUBSCRIPTIONS.get(subscription.email, type="json")
    spots = list(known.spots) if known else []
    if len(spots) >= env.LIMITS.spots_per_user:
        raise HTTPException(409, "too many spots")
    if subscription.spot not in spots:
        spots.append(subscription.spot)
    await env.SUBSCRIPTIONS.put(subscription.email, json.dumps({"spots": spots}))
    mail = await env.MAILER.welcome(subscription.email, {"spot": subscription.spot, "wave": subscription.min_wave_m})
    response.set_cookie(
        COOKIE, sign(subscription.email, env.SESSION_SECRET), httponly=True, samesite="lax", max_age=86400
    )
    return {"email": subscription.email, "spots": spots, "mail": mail["id"]}


@router.get("/me")
async def me(request: Request, tideline_session: str | None = Cookie(default=None)):
    env = request.scope["env"]
    email = read(tideline_session, env.SESSION_SECRET)
    if email is None:
        raise HTTPException(401, "not signed in")
    known = await env.SUBSCRIPTIONS.get(email)
    return {"email": email, "spots": json.loads(known)["spots"] if known else []}


@router.get("/login")
async def login(request: Request):
    return RedirectResponse(request.url_for("me"))
