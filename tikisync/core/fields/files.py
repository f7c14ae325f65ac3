"""Fields that attach things Tiki has already, by id: files (``FG``), articles, Kaltura videos, and uploads (none).

Tiki: lib/core/Tracker/Field/Files.php, Articles.php, Kaltura.php, 24.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar

from tikisync.core.effects import Attach
from tikisync.core.fields.entries import entries, identifier
from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.questions import ArticleExists, FileType, Question
from tikisync.core.trackers import Field, Json


class FilesType(FieldType):
    """Stored as file ids joined with commas; the item is related to each file by ``tiki.file.attach``."""

    codes = ("FG",)
    label = "Files"
    preferences: ClassVar = {"FG": ("trackerfield_files", "feature_file_galleries")}
    accepts = "ids of files that are in a file gallery, one or a list"

    def questions(self, definition: Field, value: Json, context: Context) -> Iterable[Question[Any]]:  # noqa: ARG002
        """Ask for the files' types."""
        return [FileType(each) for each in _ids(self, definition, value)]

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:
        """Return the last ids that the field's limit allows; refuse unknown files and types it does not take."""
        ids = _ids(self, definition, value)
        for file_id in ids:
            file_type = context.answers[FileType(file_id)]
            if file_type is None:
                raise self.refuse(definition, value, f"with file {file_id}, which does not exist")
            if not _passes(file_type, definition.text("filter")):
                why = f"with file {file_id}, whose type {file_type} its filter {definition.text('filter')} keeps out"
                raise self.refuse(definition, value, why)
        return _attached(definition, "tiki.file.attach", "file", ids[-definition.number("count") :], context)


class ArticlesType(FieldType):
    """Stored as article ids joined with commas; the item is related to each by ``tiki.article.attach``."""

    codes = ("articles",)
    label = "Articles"
    preferences: ClassVar = {"articles": ("trackerfield_articles", "feature_articles")}
    accepts = "ids of articles, one or a list"

    def questions(self, definition: Field, value: Json, context: Context) -> Iterable[Question[Any]]:  # noqa: ARG002
        """Ask whether the articles exist."""
        return [ArticleExists(each) for each in _ids(self, definition, value)]

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:
        """Return the ids as given; refuse unknown articles."""
        ids = _ids(self, definition, value)
        for article_id in ids:
            if not context.answers[ArticleExists(article_id)]:
                raise self.refuse(definition, value, f"with article {article_id}, which does not exist")
        return _attached(definition, "tiki.article.attach", "article", ids, context)


class KalturaType(FieldType):
    """Stored as Kaltura's entry ids joined with commas."""

    codes = ("kaltura",)
    label = "Kaltura Video"
    preferences: ClassVar = {"kaltura": ("trackerfield_kaltura", "feature_kaltura", "wikiplugin_kaltura")}
    accepts = "ids of Kaltura entries, one or a list"

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:  # noqa: ARG002
        """Return the ids as given."""
        ids = [str(entry) for entry in entries(value)]
        if not all(re.fullmatch(r"\w+", each, re.ASCII) for each in ids):
            raise self.refuse(definition, value)
        return self.store(definition, ",".join(ids))


class UploadType(FieldType):
    """Attachments, images and mail folders: their content is uploaded or received by Tiki itself."""

    codes = ("A", "i", "EF")
    label = "Upload"
    preferences: ClassVar = {
        "A": ("trackerfield_file",),
        "i": ("trackerfield_image",),
        "EF": ("trackerfield_email_folder", "feature_file_galleries"),
    }
    accepts = "nothing from a webhook"

    def problem(self, definition: Field) -> str:  # noqa: ARG002
        """Refuse always."""
        return "it holds a file that must be uploaded in Tiki; a Files field takes the ids of files that are there"

    def untouched(self, definition: Field, context: Context) -> Stored | None:
        """Return what a new item has: no row for an image, an empty folder for mail."""
        if not context.creating or definition.type == "i":
            return None
        return Stored('{"inbox":[]}' if definition.type == "EF" else "")


def _ids(kind: FieldType, definition: Field, value: Json) -> list[int]:
    ids = [identifier(entry) for entry in entries(value)]
    known = [each for each in ids if each is not None]
    if len(known) < len(ids):
        raise kind.refuse(definition, value, "that is no such id")
    return known


def _passes(file_type: str, wildcards: str) -> bool:
    """Tell whether a MIME type begins as the field's filter says, ``*`` standing for any word (Files.php)."""
    pattern = r"[\w-]*".join(re.escape(part) for part in wildcards.split("*"))
    return re.match(pattern, file_type, re.ASCII) is not None


def _attached(definition: Field, relation: str, target_type: str, ids: list[int], context: Context) -> Stored:
    before = [identifier(each) for each in context.old.split(",")]
    gone = tuple(each for each in before if each is not None and each not in ids)
    effect = Attach(definition.field_id, relation, target_type, tuple(ids), gone)
    return Stored(",".join(str(each) for each in ids), (effect,))


TYPES: tuple[FieldType, ...] = (FilesType(), ArticlesType(), KalturaType(), UploadType())
