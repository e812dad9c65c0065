"""Django workers: several in one process, each with settings, apps and models of its own, anew with each save."""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings
import weakref

import pytest

pytest.importorskip("django")
pytest.importorskip("greenlet")

from sandbox.runtime.exchange import new_request, read_bytes  # noqa: E402

ENTRY = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of_it.settings")
import django
django.setup()
from django.core.management import call_command
from django.db import connections
call_command("migrate", verbosity=0)
connections.close_all()
"""
ASGI = """
import asgi
from django.core.handlers.asgi import ASGIHandler
Default = asgi.entrypoint(ASGIHandler())
"""
WSGI = """
from workers import wsgi
from django.core.handlers.wsgi import WSGIHandler
Default = wsgi.entrypoint(WSGIHandler())
"""
SETTINGS = """
SECRET_KEY = TITLE = "{title}"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "site_of_it.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.sessions", "rest_framework", "shop"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware", "shop.extra.Stamp"]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
TEMPLATES = [{{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}}]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "{database}"}}}}
REST_FRAMEWORK = {{"DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = True
LOGGING_CONFIG = None
"""
FILES = {
    "site_of_it/__init__.py": "",
    "site_of_it/urls.py": """
from django.urls import path
from shop import views
urlpatterns = [path("", views.index), path("add/<str:name>/", views.add), path("api/", views.api), path("sync/", views.sync)]
""",
    "shop/__init__.py": "",
    "shop/models.py": """
from django.db import models
class Item(models.Model):
    name = models.CharField(max_length=50)
""",
    "shop/migrations/__init__.py": "",
    "shop/migrations/0001_initial.py": """
from django.db import migrations, models
class Migration(migrations.Migration):
    initial = True
    operations = [migrations.CreateModel("Item", [("id", models.AutoField(primary_key=True)), ("name", models.CharField(max_length=50))])]
""",
    "shop/extra.py": """
from django.conf import settings
from django.utils.deprecation import MiddlewareMixin
class Stamp(MiddlewareMixin):
    def process_response(self, request, response):
        response["X-Title"] = settings.TITLE
        return response
""",
    "shop/templatetags/__init__.py": "",
    "shop/templatetags/shouting.py": """
from django import template
register = template.Library()
@register.filter
def shout(value):
    return value.upper() + "!"
""",
    "shop/templates/shop/index.html": "{% load shouting %}{{ title|shout }} {% for item in items %}{{ item.name }},{% endfor %}",
    "shop/views.py": """
import asyncio
import threading
from django.conf import settings
from django.http import JsonResponse
from django.shortcuts import render
from pyodide.ffi import run_sync
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.response import Response
from shop.models import Item
from workers import env

class ItemSerializer(serializers.ModelSerializer):
    class Meta:
        model = Item
        fields = ["name"]

def index(request):
    from django.core.cache import cache  # late, as Django's own modules do
    cache.set("title", settings.TITLE)
    return render(request, "shop/index.html", {"title": cache.get("title"), "items": Item.objects.all()})

def add(request, name):
    return JsonResponse({"id": Item.objects.create(name=name).id})

@api_view()
def api(request):
    return Response(ItemSerializer(Item.objects.all(), many=True).data)

def sync(request):
    run_sync(asyncio.sleep(0))
    return JsonResponse({"who": env.WHO, "main": threading.current_thread() is threading.main_thread()})
""",
}


# Django keeps a connection where the task that opened it sees it alone, in line as at Cloudflare, so nothing closes it
# before it is collected; Python tells of that from 3.13 on.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")


@pytest.fixture
def collected():
    """What is left behind is collected here, and not in another test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
async def shops(collected, worker, start, tmp_path, monkeypatch):
    """A sandbox with the same Django project twice, over ASGI and over WSGI, and `ask(worker, path)`."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # as at Cloudflare, where a loop is always running
    for name, adapter in (("red", ASGI), ("blue", WSGI)):
        settings = SETTINGS.format(title=name, database=tmp_path / f"{name}.sqlite3")
        files = {**FILES, "site_of_it/settings.py": settings, "entry.py": ENTRY + adapter}
        worker(name, files, extra=f'[vars]\nWHO = "{name}"\n')
    sandbox = await start(serve=False)

    async def answer(name, path):
        response = await sandbox.workers.fetch(name, new_request(f"http://{name}/{path}"))
        return f"{response.status} {(await read_bytes(response)).decode()}"

    async def ask(name, path=""):
        return await asyncio.create_task(answer(name, path))

    yield sandbox, ask


async def test_two_in_one_process_have_nothing_of_each_other(shops):
    _, ask = shops
    assert [await ask("red", "add/tea/"), await ask("blue", "add/milk/")] == ['200 {"id": 1}', '200 {"id": 1}']
    for name, item in (("red", "tea"), ("blue", "milk"), ("red", "tea")):
        assert await ask(name) == f"200 {name.upper()}! {item},"
        assert await ask(name, "api/") == f'200 [{{"name":"{item}"}}]'
    several = await asyncio.gather(*(ask(name) for name in ("red", "blue") * 5))
    assert several == ["200 RED! tea,", "200 BLUE! milk,"] * 5


@pytest.mark.parametrize("name", ["red", "blue"])
async def test_synchronous_views_run_in_line_and_may_wait(shops, name):
    _, ask = shops
    assert await ask(name, "sync/") == f'200 {{"who": "{name}", "main": true}}'


async def test_a_save_loads_django_anew_and_lets_go_of_the_old_one(shops, tmp_path):
    sandbox, ask = shops
    assert await ask("red") == "200 RED! "
    namespace = sandbox.workers.generation("red")._namespace
    old = [weakref.ref(namespace.copies._modules[name]) for name in ("django.apps.registry", "rest_framework.views")]
    del namespace
    settings = tmp_path / "workers" / "red" / "src" / "site_of_it" / "settings.py"
    settings.write_text(settings.read_text().replace('TITLE = "red"', 'TITLE = "rose"'))
    status = await sandbox.workers.reload("red")
    assert status.error is None
    assert [await ask("red"), await ask("blue")] == ["200 ROSE! ", "200 BLUE! "]
    await asyncio.sleep(0)
    gc.collect()
    assert [each() for each in old] == [None, None]


async def test_the_process_keeps_the_django_it_had(shops):
    """Tests of a project import Django themselves, beside the workers of the sandbox."""
    import django.conf
    from django.core.signals import request_started

    ours = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "django"}
    sandbox, ask = shops
    await sandbox.workers.reload("red")
    assert await ask("red") == "200 RED! "
    assert {name: sys.modules.get(name) for name in ours} == ours
    assert not django.conf.settings.configured
    assert request_started is sys.modules["django.core.signals"].request_started
