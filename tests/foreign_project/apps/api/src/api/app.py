from functools import cache

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from api.routes import router


@cache
def app_for(origins: str) -> FastAPI:
    app = FastAPI(title="Tideline")
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins.split(","),
        allow_credentials=True,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["content-type", "x-client"],
        max_age=600,
    )
    app.include_router(router)
    return app
