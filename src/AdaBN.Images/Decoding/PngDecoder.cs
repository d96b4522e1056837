using System.Buffers.Binary;
using System.IO.Compression;

namespace AdaBN.Images.Decoding;

/// <summary>
/// PNG, every colour type, depth and both interlace methods (W3C PNG specification, third edition). Of 16 bits the upper 8 count, and transparency is
/// left out: what Pillow and torchvision make of such files (of 16-bit colour; 16-bit grey, which Pillow clips, is treated alike here).
/// </summary>
internal static class PngDecoder
{
    private const int ChunkFrame = 12, HeaderLength = 13;
    private const int GrayType = 0, RgbType = 2, PaletteType = 3, GrayAlphaType = 4, RgbAlphaType = 6;

    /// <summary>Deflate packs no more than 258 bytes into 2 bits.</summary>
    private const long LargestRatio = 1032;

    private static readonly byte[] _signature = [0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n'];

    public static ReadOnlySpan<byte> Signature => _signature;

    public static Picture Decode(ReadOnlySpan<byte> file)
    {
        Header? header = null;
        byte[] palette = [];
        int orientation = ExifOrientation.Upright;
        using var compressed = new MemoryStream();
        ReadOnlySpan<byte> rest = file[Signature.Length..];
        while (true)
        {
            if (rest.Length < ChunkFrame) throw ImageDecoder.Damaged($"the file ends before its last chunk; was it copied completely?");
            uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - ChunkFrame) throw ImageDecoder.Damaged($"the file ends within a chunk; was it copied completely?");
            ReadOnlySpan<byte> type = rest[4..8], content = rest.Slice(8, (int)length);
            if (Crc32.Of(rest[4..(8 + (int)length)]) != BinaryPrimitives.ReadUInt32BigEndian(rest[(8 + (int)length)..])) throw ImageDecoder.Damaged($"the check sum of a chunk is wrong");
            if (header is null) header = type.SequenceEqual("IHDR"u8) ? Header.Read(content) : throw ImageDecoder.Damaged($"the first chunk is not IHDR");
            else if (type.SequenceEqual("PLTE"u8)) palette = content.ToArray();
            else if (type.SequenceEqual("IDAT"u8)) compressed.Write(content);
            else if (type.SequenceEqual("eXIf"u8)) orientation = ExifOrientation.Find(content);
            else if (type.SequenceEqual("IEND"u8)) break;
            rest = rest[(ChunkFrame + (int)length)..];
        }
        if (header.Passes.Sum(pass => pass.Rows * (1L + header.BytesOf(pass.Columns))) > compressed.Length * LargestRatio)
            throw ImageDecoder.Damaged($"it declares {header.Width} x {header.Height} pixels and holds data for fewer");

        compressed.Position = 0;
        using var rows = new ZLibStream(compressed, CompressionMode.Decompress);
        int channels = header.Type is GrayType or GrayAlphaType ? Picture.Gray : Picture.Rgb;
        var pixels = new byte[header.Width * header.Height * channels];
        foreach (Pass pass in header.Passes)
        {
            byte[] row = new byte[header.BytesOf(pass.Columns)], above = new byte[row.Length];
            for (int y = 0; y < pass.Rows; y++)
            {
                int filter = rows.ReadByte();
                rows.ReadExactly(row);
                Unfilter(filter, row, above, header.FilterDistance);
                int line = ((pass.Top + (y * pass.Down)) * header.Width) + pass.Left;
                for (int x = 0; x < pass.Columns; x++) Unpack(row, x, header, palette, pixels.AsSpan((line + (x * pass.Right)) * channels, channels));
                (row, above) = (above, row);
            }
        }
        return new Picture(header.Width, header.Height, channels, pixels).Upright(orientation);
    }

    private static void Unpack(byte[] row, int x, Header header, byte[] palette, Span<byte> pixel)
    {
        int step = header.Samples * header.Depth / 8;
        switch (header.Type)
        {
            case PaletteType:
                int entry = header.SampleAt(row, x) * Picture.Rgb;
                if (entry + Picture.Rgb > palette.Length) throw ImageDecoder.Damaged($"a pixel has colour {entry / Picture.Rgb} of a palette of {palette.Length / Picture.Rgb}");
                palette.AsSpan(entry, Picture.Rgb).CopyTo(pixel);
                break;
            case GrayType when header.Depth < 8:
                pixel[0] = (byte)(header.SampleAt(row, x) * byte.MaxValue / ((1 << header.Depth) - 1));
                break;
            default: // the upper byte comes first
                for (int i = 0; i < pixel.Length; i++) pixel[i] = row[(x * step) + (i * header.Depth / 8)];
                break;
        }
    }

    private static void Unfilter(int filter, byte[] row, byte[] above, int distance)
    {
        switch (filter)
        {
            case 0:
                break;
            case 1:
                for (int i = distance; i < row.Length; i++) row[i] += row[i - distance];
                break;
            case 2:
                for (int i = 0; i < row.Length; i++) row[i] += above[i];
                break;
            case 3:
                for (int i = 0; i < row.Length; i++) row[i] += (byte)(((i < distance ? 0 : row[i - distance]) + above[i]) / 2);
                break;
            case 4:
                for (int i = 0; i < row.Length; i++) row[i] += i < distance ? above[i] : Paeth(row[i - distance], above[i], above[i - distance]);
                break;
            case < 0:
                throw new EndOfStreamException();
            default:
                throw ImageDecoder.Damaged($"a row has the unknown filter {filter}");
        }
    }

    private static byte Paeth(int left, int above, int corner)
    {
        int toLeft = Math.Abs(above - corner), toAbove = Math.Abs(left - corner), toCorner = Math.Abs(left + above - (2 * corner));
        return (byte)(toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner);
    }

    /// <summary>A reduced picture of an interlaced file; the whole picture where it is not.</summary>
    private readonly record struct Pass(int Left, int Top, int Right, int Down, int Columns, int Rows);

    private sealed record Header(int Width, int Height, int Depth, int Type, int Samples, Pass[] Passes)
    {
        public int FilterDistance => Math.Max(1, Samples * Depth / 8);

        public int BytesOf(int columns) => (int)((((long)columns * Samples * Depth) + 7) / 8);

        /// <summary>A sample of 1 to 8 bits, the first of a byte in its highest bits.</summary>
        public int SampleAt(byte[] row, int x)
        {
            int bit = x * Depth;
            return (row[bit / 8] >> (8 - Depth - (bit % 8))) & ((1 << Depth) - 1);
        }

        public static Header Read(ReadOnlySpan<byte> content)
        {
            if (content.Length != HeaderLength) throw ImageDecoder.Damaged($"its header has {content.Length} bytes, expected {HeaderLength}");
            uint width = BinaryPrimitives.ReadUInt32BigEndian(content), height = BinaryPrimitives.ReadUInt32BigEndian(content[4..]);
            (int depth, int type, int interlace) = (content[8], content[9], content[12]);
            ImageDecoder.CheckSize(width, height);
            int samples = (type, depth) switch
            {
                (GrayType, 1 or 2 or 4 or 8 or 16) or (PaletteType, 1 or 2 or 4 or 8) => 1,
                (GrayAlphaType, 8 or 16) => 2,
                (RgbType, 8 or 16) => 3,
                (RgbAlphaType, 8 or 16) => 4,
                _ => throw ImageDecoder.Damaged($"there is no colour type {type} of {depth} bits"),
            };
            if (content[10] != 0 || content[11] != 0 || interlace > 1) throw ImageDecoder.Damaged($"compression {content[10]}, filter {content[11]} and interlace {interlace} are not known");
            return new Header((int)width, (int)height, depth, type, samples, interlace == 0 ? [new Pass(0, 0, 1, 1, (int)width, (int)height)] : Adam7((int)width, (int)height));
        }

        private static Pass[] Adam7(int width, int height)
        {
            (int Left, int Top, int Right, int Down)[] passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
            return [.. passes.Select(pass => new Pass(pass.Left, pass.Top, pass.Right, pass.Down, (width - pass.Left + pass.Right - 1) / pass.Right, (height - pass.Top + pass.Down - 1) / pass.Down))
                .Where(pass => pass is { Columns: > 0, Rows: > 0 })]; // an empty pass has no rows in the file
        }
    }
}
