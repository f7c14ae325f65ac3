"""Rows in other tables that an item's values cause, carried out in Tiki's order (trackerlib replace_item, 24.4)."""

from __future__ import annotations

from tikisync.core.effects import Attach, Categorize, Effect, LinkPages, Relate, SetAttributes, SetLanguage, Tag
from tikisync.core.items import ItemPlan
from tikisync.database import Transaction
from tikisync.tiki import attributes, categories, files, freetags, pages, relations
from tikisync.tiki.objects import ITEM, WrittenItem
from tikisync.tiki.preferences import Preferences


def carry_out(
    tx: Transaction,
    plan: ItemPlan,
    item_id: int,
    user: str,
    now: int,
    preferences: Preferences,
    *,
    rights_on: categories.RightsOn | None = None,
) -> list[relations.Object]:
    """Make the plan's effects hold, however often it is called; return the other objects (type, id) to be indexed.

    ``now``: UNIX seconds, UTC. ``rights_on`` tells what the user may do with an item linked to this one by a field that
    cascades categories; without it those keep theirs.
    """
    item = WrittenItem(item_id, plan.tracker, _values(plan), user, now, preferences)
    touched: list[relations.Object] = []
    for effect in plan.effects:
        if isinstance(effect, Relate):
            touched += relations.relate(tx, item_id, effect, preferences)
        elif isinstance(effect, Attach):
            touched += relations.attach(tx, item_id, effect, preferences)
        elif isinstance(effect, LinkPages) and _may_refer(plan, effect):
            pages.carry_out(tx, item_id, effect)
        elif isinstance(effect, SetAttributes):
            attributes.carry_out(tx, item_id, effect.attributes)
        elif isinstance(effect, SetLanguage):
            attributes.set_language(tx, item_id, effect.language)
    categorize = [effect for effect in plan.effects if isinstance(effect, Categorize)]
    if categorize and preferences.is_on("feature_categories"):
        children = categories.carry_out(tx, item, categorize, rights_on)
        touched += [(ITEM, str(child)) for child in children]
    tags = next((field.field_id for field in plan.tracker.fields if field.type == "F"), None)  # only the first counts
    for effect in plan.effects:
        if isinstance(effect, Tag) and effect.field_id == tags and preferences.is_on("feature_freetags"):
            freetags.carry_out(tx, item, effect.tags)
    if preferences.is_on("feature_file_galleries") and any(_may_use_files(plan, effect) for effect in plan.effects):
        files.sync_backlinks(tx, item)
    return [each for each in dict.fromkeys(touched) if each != (ITEM, str(item_id))]


def is_idle(plan: ItemPlan, effect: Effect) -> bool:
    """Tell whether an effect has nothing to do: the text links nothing, or a new item is to have none of it."""
    if isinstance(effect, LinkPages):
        return not _may_refer(plan, effect) and not _may_use_files(plan, effect)
    if plan.item is not None:
        return False
    match effect:
        case Relate():
            return not effect.targets
        case Attach():
            return not effect.attached
        case Tag():
            return not effect.tags
        case Categorize():
            return not effect.wanted and not effect.fallback
        case SetAttributes():
            return not any(value for _, value in effect.attributes)
    return isinstance(effect, SetLanguage)


def _may_refer(plan: ItemPlan, effect: LinkPages) -> bool:
    """Tell whether the field's text links or includes pages, or the text before it may have."""
    before = plan.item.value(effect.field_id) if plan.item else ""
    return bool(effect.pages or effect.includes) or any(mark in before for mark in ("((", "{", "<a "))


def _may_use_files(plan: ItemPlan, effect: Effect) -> bool:
    if isinstance(effect, Attach):
        return bool(effect.attached or effect.detached)
    if not isinstance(effect, LinkPages):
        return False
    texts = [write.old or "" for write in plan.writes] + [write.new or "" for write in plan.writes]
    return any("{" in text or "[" in text for text in texts)


def _values(plan: ItemPlan) -> dict[int, str | None]:
    before = plan.item.values if plan.item else {}
    return {**before, **{write.field.field_id: write.new for write in plan.writes}}
