#!/usr/bin/env python3
"""Makes the image files of this folder and what Pillow and torchvision read from them.

Run as  /usr/bin/python3 make_images.py  (Debian: python3-pil, python3-torchvision, libjpeg-turbo-progs; Pillow 9.4 on libjpeg-turbo 2.1.5, torchvision 0.14.1).
NAME.npy beside NAME holds the pixels as uint8 (height, width, 1 or 3), upright; prepared/ holds tensors of photo.png as torchvision prepares it.
"""
import os, struct, subprocess, zlib
import numpy as np
from PIL import Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode

here = os.path.dirname(os.path.abspath(__file__))
os.makedirs(os.path.join(here, "prepared"), exist_ok=True)
rng = np.random.default_rng(5)


def scene(width, height):
    """Smooth colours, an edge, and noise: something for every filter."""
    y, x = np.mgrid[0:height, 0:width] / 1.0
    picture = np.stack([127 + 120 * np.sin(x / 7 + y / 11), 127 + 120 * np.cos(x / 5 - y / 9), 255 * (x + y) / (width + height)], 2)
    picture[height // 3: height // 2, width // 4: width // 2] = [250, 20, 30]
    return np.clip(picture + rng.normal(0, 9, picture.shape), 0, 255).astype(np.uint8)


def path(name):
    return os.path.join(here, name)


def expect(name, mode="RGB"):
    pixels = np.asarray(ImageOps.exif_transpose(Image.open(path(name))).convert(mode))
    np.save(path(name + ".npy"), pixels if pixels.ndim == 3 else pixels[:, :, None])


def png(name, width, height, depth, kind, rows, interlaced=False, before=b"", filters=None):
    """A PNG written by hand, for what Pillow does not write. rows: packed bytes of each row, of each pass."""
    def chunk(tag, data):
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))
    data = b"".join(bytes([0]) + row for row in rows)
    with open(path(name), "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))) + before
                   + chunk(b"IDAT", zlib.compress(data)[:11]) + chunk(b"IDAT", zlib.compress(data)[11:]) + chunk(b"IEND", b""))


colours = Image.fromarray(scene(45, 31))
gray = colours.convert("L")

# PNG as Pillow writes it: all row filters occur.
colours.save(path("rgb8.png"))
gray.save(path("gray8.png"))
colours.convert("RGBA").save(path("rgba8.png"))
gray.convert("LA").save(path("graya8.png"))
colours.quantize(200).save(path("palette8.png"))
colours.quantize(13).save(path("palette4.png"), bits=4)
colours.quantize(4).save(path("palette2.png"), bits=2)
gray.convert("1").save(path("gray1.png"))
for name in ["rgb8.png", "rgba8.png", "palette8.png", "palette4.png", "palette2.png"]: expect(name)
for name in ["gray8.png", "graya8.png", "gray1.png"]: expect(name, "L")

# 16 bits: the upper byte counts.
deep = rng.integers(0, 65536, (9, 14, 3)).astype(">u2")
png("rgb16.png", 14, 9, 16, 2, [row.tobytes() for row in deep])
np.save(path("rgb16.png.npy"), (deep >> 8).astype(np.uint8))
expect("rgb16.png")
png("gray16.png", 14, 9, 16, 0, [row[:, 0].tobytes() for row in deep])
np.save(path("gray16.png.npy"), (deep[:, :, :1] >> 8).astype(np.uint8))

# Interlaced (Adam7), in colours and in 2 bits of grey.
passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
for width, height in [(45, 31), (3, 2)]:
    whole = scene(width, height)
    png(f"interlaced{width}.png", width, height, 8, 2, [row.tobytes() for left, top, right, down in passes for row in whole[top::down, left::right] if row.size], interlaced=True)
    expect(f"interlaced{width}.png")
two = rng.integers(0, 4, (11, 13)).astype(np.uint8)


def pack2(row):
    padded = np.concatenate([row, np.zeros(-len(row) % 4, np.uint8)]).reshape(-1, 4)
    return bytes(padded[:, 0] << 6 | padded[:, 1] << 4 | padded[:, 2] << 2 | padded[:, 3])


png("gray2interlaced.png", 13, 11, 2, 0, [pack2(row) for left, top, right, down in passes for row in two[top::down, left::right] if row.size], interlaced=True)
np.save(path("gray2interlaced.png.npy"), (two * 85)[:, :, None])

# JPEG: sampling, progressive, restart markers, optimized tables, grey, RGB, every quality range; odd sizes, and one too narrow for the filter.
for name, options in {
    "444.jpg": dict(subsampling=0, quality=90), "422.jpg": dict(subsampling=1, quality=75), "420.jpg": dict(subsampling=2, quality=75),
    "420low.jpg": dict(subsampling=2, quality=8), "444fine.jpg": dict(subsampling=0, quality=100), "optimized.jpg": dict(optimize=True, quality=60),
    "progressive420.jpg": dict(progressive=True, subsampling=2, quality=80), "progressive444.jpg": dict(progressive=True, subsampling=0, quality=95),
}.items():
    colours.save(path(name), **options)
    expect(name)
gray.save(path("gray.jpg"), quality=70)
expect("gray.jpg", "L")
gray.save(path("grayprogressive.jpg"), quality=70, progressive=True)
expect("grayprogressive.jpg", "L")
Image.fromarray(scene(4, 21)).save(path("narrow420.jpg"), subsampling=2)
expect("narrow420.jpg")
Image.fromarray(scene(5, 1)).save(path("flat420.jpg"), subsampling=2)
expect("flat420.jpg")
Image.fromarray(scene(16, 8)).save(path("whole420.jpg"), subsampling=2)
expect("whole420.jpg")



# What libjpeg-turbo's cjpeg writes and Pillow does not: other samplings, restart markers, RGB, 16-bit quantization, arithmetic coding.
colours.save(path("cjpeg.ppm"))
for name, options in {
    "440.jpg": "-sample 1x2", "411.jpg": "-sample 4x1", "410.jpg": "-sample 4x2", "restart.jpg": "-restart 2B -sample 2x2", "restartprogressive.jpg": "-progressive -restart 1",
    "rgb.jpg": "-rgb -quality 90", "quantization16.jpg": "-quality 1", "mixed.jpg": "-sample 2x2,1x2,2x1", "arithmetic.jpg": "-arithmetic", "blue.jpg": "-sample 1x1,1x1,2x2",
}.items():
    subprocess.run(["cjpeg", *options.split(), "-outfile", path(name), path("cjpeg.ppm")], check=True)
    expect(name)
os.remove(path("cjpeg.ppm"))

# Exif: the camera held in all eight ways; in PNG, too.
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    colours.save(path(f"exif{orientation}.jpg"), quality=85, exif=exif.tobytes())
    expect(f"exif{orientation}.jpg")
exif = Image.Exif()
exif[0x0112] = 6
colours.save(path("exif6.png"), exif=exif.tobytes())
expect("exif6.png")

# BMP.
colours.save(path("rgb24.bmp"))
expect("rgb24.bmp")
gray.save(path("gray8.bmp"))
expect("gray8.bmp")
gray.convert("1").save(path("gray1.bmp"))
expect("gray1.bmp")
colours.convert("RGBA").save(path("rgba32.bmp"))
expect("rgba32.bmp")


def bmp(name, width, height, bits, compression, masks, rows):
    data = b"".join(row + b"\0" * (-len(row) % 4) for row in rows)
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, 0, 0) + masks
    with open(path(name), "wb") as file:
        file.write(b"BM" + struct.pack("<IHHI", 14 + len(head) + len(data), 0, 0, 14 + len(head)) + head + data)


half = rng.integers(0, 65536, (6, 7)).astype("<u2")
bmp("rgb555.bmp", 7, 6, 16, 0, b"", [row.tobytes() for row in half])
expect("rgb555.bmp")
bmp("rgb565topdown.bmp", 7, -6, 16, 3, struct.pack("<III", 0xF800, 0x07E0, 0x001F), [row.tobytes() for row in half])
expect("rgb565topdown.bmp")

Image.fromarray(scene(20, 20)).convert("CMYK").save(path("cmyk.jpg"))
expect("cmyk.jpg")

# What is refused by name.
colours.save(path("picture.gif"))
colours.convert("P").save(path("picture.tiff"))

# Prepared as torchvision does.
photo = Image.fromarray(scene(150, 97))
photo.save(path("photo.png"))
bicubic = InterpolationMode.BICUBIC
ways = {
    "imagenet": T.Compose([T.Resize(32), T.CenterCrop(28), T.ToTensor(), T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]),
    "enlarged": T.Compose([T.Resize(128), T.CenterCrop(32), T.ToTensor(), T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]),
    "stretched": T.Compose([T.Resize((20, 50)), T.ToTensor()]),
    "bicubic": T.Compose([T.Resize((30, 25), interpolation=bicubic), T.ToTensor()]),
    "bicubic_enlarged": T.Compose([T.Resize((101, 33), interpolation=bicubic), T.ToTensor()]),
    "gray": T.Compose([T.Grayscale(), T.Resize(28), T.CenterCrop(28), T.ToTensor()]),
    "odd": T.Compose([T.Resize(41), T.CenterCrop(24), T.ToTensor()]),
}
for name, way in ways.items():
    np.save(path(f"prepared/{name}.npy"), way(photo).numpy())

# WebP, lossy and lossless; what lies under transparency is kept where it was written.
clear = np.dstack([np.asarray(colours), rng.integers(0, 256, np.asarray(colours).shape[:2]).astype(np.uint8)])
colours.save(path("lossy.webp"), quality=75)
colours.save(path("lossless.webp"), lossless=True)
Image.fromarray(clear, "RGBA").save(path("clear.webp"), lossless=True, exact=True)
Image.fromarray(clear, "RGBA").save(path("clearlossy.webp"), quality=60, exact=True)
colours.save(path("exif6.webp"), lossless=True, exif=exif.tobytes())
colours.save(path("animated.webp"), save_all=True, append_images=[colours.transpose(Image.FLIP_LEFT_RIGHT)], lossless=True)
for name in ["lossy.webp", "lossless.webp", "clear.webp", "clearlossy.webp", "exif6.webp", "animated.webp"]: expect(name)

# Transparency by alpha, palette and key: left out, not blended. Gamma and colour profiles: not applied.
Image.fromarray(clear, "RGBA").save(path("clear.png"))
Image.fromarray(clear, "RGBA").save(path("clear.bmp"))
colours.quantize(60).save(path("clearpalette.png"), transparency=bytes(rng.integers(0, 256, 60).astype(np.uint8)))
colours.save(path("clearkey.png"), transparency=tuple(int(value) for value in np.asarray(colours)[3, 3]))
linear = PngInfo()
linear.add(b"gAMA", struct.pack(">I", 100000))
colours.save(path("gamma.png"), pnginfo=linear)
profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
profile = profile[:24] + bytes(12) + profile[36:]  # without today's date
red = profile.index(b"XYZ ", profile.index(b"XYZ ", profile.index(b"XYZ ", 128 + 200)) + 4) + 8
other = profile[:red] + struct.pack(">iii", 0x2000, 0x8000, 0x1000) + profile[red + 12:]  # a red that no screen has
colours.save(path("profile.png"), icc_profile=other)
colours.save(path("profile.jpg"), icc_profile=other)
for name in ["clear.png", "clear.bmp", "clearpalette.png", "clearkey.png", "gamma.png", "profile.png", "profile.jpg"]: expect(name)
