"""Handlers and rules as they are, and the workbench where a rule is tried before it is written into the config."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tikisync import inspection
from tikisync.config import writing
from tikisync.config.reading import read_rules
from tikisync.core.recipes.choice import for_handler
from tikisync.core.verification import misconfiguration
from tikisync.errors import ConfigError, SetupError, TikisyncError
from tikisync.inbox.deliveries import Delivery
from tikisync.pipeline import activity, administer
from tikisync.pipeline.explain import made_up, rehearse
from tikisync.pipeline.preview import Preview
from tikisync.web.dashboard.pages import Pages, number_of


def routes(pages: Pages) -> list[Route]:
    """Return the routes of handlers, rules and the workbench."""
    app = pages.app

    def handlers(request: Request) -> Response:
        found = activity.handlers(app.database)
        rules = {
            each.handler.name: [rule.name for rule in app.config.rules if each.handler.name in rule.handlers]
            for each in found
        }
        wrong = {each.handler.name: misconfiguration(each.handler) for each in found}
        configured = app.config.recipes
        recipes = {each.handler.name: for_handler(each.handler, configured) for each in found}
        return pages.render(request, "handlers.html", handlers=found, rules=rules, wrong=wrong, recipes=recipes,
                            configured=configured)  # fmt: skip

    def rules(request: Request) -> Response:
        findings = inspection.check(app)
        page = app.page
        stated = [
            (rule, writing.section(rule), [each for each in findings if each.where.startswith(f"[rule {rule.name}]")])
            for rule in app.config.rules
        ]
        on_page = {rule.name for rule in page.rules or ()} if page else set()
        return pages.render(request, "rules.html", rules=stated, source=app.config.source, page=page, on_page=on_page)

    def workbench(request: Request) -> Response:
        given = {name: request.query_params.get(name, "") for name in ("rule", "delivery")}
        return bench(request, _start(pages, given))

    def tried(request: Request) -> Response:
        form = request.state.form
        return bench(request, {name: form.get(name, "") for name in ("text", "delivery", "handler", "headers", "body")})

    def bench(request: Request, form: dict[str, str]) -> Response:
        preview, problems = None, []
        if form["text"].strip() and (form["delivery"] or form["body"].strip()):
            try:
                preview = _try(pages, form)
            except ConfigError as error:
                problems = list(error.problems)
            except TikisyncError as error:
                problems = [f"{error}" + (f" → {error.hint}" if error.hint else "")]
        if request.headers.get("hx-target") == "result":
            return pages.render(request, "result.html", preview=preview, problems=problems)
        return pages.render(request, "workbench.html", form=form, preview=preview, problems=problems,
                            rules=[rule.name for rule in app.config.rules],
                            handlers=[each.name for each in administer.handlers(app.database)],
                            recent=administer.listing(app.database, None, None, 20))  # fmt: skip

    return [
        Route("/handlers", handlers),
        Route("/rules", rules),
        Route("/workbench", workbench),
        Route("/workbench", tried, methods=["POST"]),
    ]


def _start(pages: Pages, given: dict[str, str]) -> dict[str, str]:
    """Fill the workbench with a rule of the config and a delivery, or with the rules for a delivery."""
    app, number = pages.app, number_of(given["delivery"])
    delivery = None if number is None else administer.delivery(app.database, number)[0]
    chosen = [rule for rule in app.config.rules if rule.name == given["rule"]]
    if delivery and not chosen:
        chosen = [rule for rule in app.config.rules if delivery.handler in rule.handlers]
    handler = delivery.handler if delivery else chosen[0].handlers[0] if chosen and chosen[0].handlers else ""
    if not delivery and handler:
        delivery = next(iter(administer.listing(app.database, None, handler, 1)), None)
    return {
        "text": "\n\n".join(writing.section(rule) for rule in chosen),
        "delivery": str(delivery.delivery_id) if delivery else "",
        "handler": handler,
        "headers": "",
        "body": "",
    }


def _try(pages: Pages, form: dict[str, str]) -> Preview:
    app = pages.app
    rules = read_rules(form["text"])
    return rehearse(app.applier, _delivery(pages, form), rules)


def _delivery(pages: Pages, form: dict[str, str]) -> Delivery:
    """Return the stored delivery of a number, or one made of the pasted payload."""
    app, number = pages.app, number_of(form["delivery"].strip())
    if not form["body"].strip():
        if number is None:
            raise SetupError("this is no number of a delivery", hint="choose one, or paste a payload")
        return administer.delivery(app.database, number)[0]
    headers = {}
    for line in form["headers"].splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip():
            headers[name.strip()] = value.strip()
    handler = administer.handler(app.database, form["handler"])
    return made_up(handler, form["body"].encode("utf-8", "surrogatepass"), headers, pages.now())
