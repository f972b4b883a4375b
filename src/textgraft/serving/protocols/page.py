"""The page at `/`, for people: its files are of this package, and need no token; what it asks for does."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from textgraft.serving.page_files import HEADERS, PAGE_FILES
from textgraft.serving.protocol import ServingProtocol


class Page(ServingProtocol):
    """`GET /` and the files under `/page/`."""

    def add_routes(self, router: APIRouter) -> None:
        for path in PAGE_FILES:
            router.add_api_route(path, _answer, include_in_schema=False)


async def _answer(request: Request) -> Response:
    file = PAGE_FILES[request.scope["route"].path]
    headers = {**HEADERS, "ETag": file.etag}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)
