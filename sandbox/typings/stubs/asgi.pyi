from workers.asgi import *
from workers.asgi import request_to_scope as request_to_scope
