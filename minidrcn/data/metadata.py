"""Image metadata (EXIF, colour profile, resolution): what still holds for a larger copy of a photograph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

# Tags of what was photographed and by whom; the others describe how the pixels lie in the file, or are a thumbnail.
DESCRIPTIVE = {
    0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x0131: "Software", 0x0132: "DateTime",
    0x013B: "Artist", 0x8298: "Copyright",
}  # fmt: skip
EXPOSURE, POSITION = 0x8769, 0x8825  # IFDs: camera settings (Exif), place (GPS)
# Within the camera's settings: the size in pixels, and MakerNote, whose internal offsets would be wrong.
NOT_KEPT = {0xA002, 0xA003, 0x927C}
WITH_EXIF = ("JPEG", "PNG", "TIFF", "WEBP")
WITH_RESOLUTION = ("BMP", "JPEG", "PNG", "TIFF")
PROFILE_FOR = {"L": b"GRAY", "LA": b"GRAY", "I;16": b"GRAY", "RGB": b"RGB ", "RGBA": b"RGB "}  # bytes 16..20 of it


def metadata(image: Image.Image, large: Image.Image, file_format: str) -> dict[str, Any]:
    """Options for `save` that keep the colour profile, the resolution in dots per inch, and the EXIF data that hold.

    Args:
        image: as it was read, turned upright.
        large: made of it.
        file_format: Pillow's name of the format that will be written.
    """
    options: dict[str, Any] = {}
    profile = image.info.get("icc_profile") or b""
    if profile[16:20] == PROFILE_FOR[large.mode]:
        options["icc_profile"] = profile
    resolution = image.info.get("dpi")
    if file_format in WITH_RESOLUTION and _is_resolution(resolution):
        options["dpi"] = tuple(float(number) for number in resolution)
    exif = _exif(image)
    if file_format in WITH_EXIF and exif:
        options["exif"] = exif
    return options


def _exif(image: Image.Image) -> bytes:
    from PIL import Image

    kept = Image.Exif()
    try:
        found = image.getexif()
        for tag in DESCRIPTIVE:
            if tag in found:
                kept[tag] = found[tag]
        for group in (EXPOSURE, POSITION):
            values = {tag: value for tag, value in found.get_ifd(group).items() if tag not in NOT_KEPT}
            if values:
                kept[group] = values
        return kept.tobytes() if len(kept) else b""
    except Exception:
        # Damaged EXIF data raise whatever they raise, and are no reason to give up a sound image.
        return b""


def _is_resolution(value: Any) -> bool:
    try:
        return len(value) == 2 and all(0 < float(number) < 1e6 for number in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return False
