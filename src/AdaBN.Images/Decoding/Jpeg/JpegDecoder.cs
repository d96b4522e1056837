using System.Buffers.Binary;

namespace AdaBN.Images.Decoding.Jpeg;

/// <summary>
/// JPEG, baseline, extended and progressive, 8 bits, grey, YCbCr and RGB (ITU-T T.81). Where the standard leaves the arithmetic open it is libjpeg's, so
/// that pixels are Pillow's to the bit.
/// </summary>
internal sealed class JpegDecoder
{
    private const int MostTables = 4, MostSampling = 4;
    private const int MostScans = 256; // each goes over the whole picture, and costs a file a few bytes only
    private readonly ushort[]?[] _quantization = new ushort[]?[MostTables];
    private readonly HuffmanTable?[] _dc = new HuffmanTable?[MostTables], _ac = new HuffmanTable?[MostTables];
    private Component[] _components = [];
    private int _width, _height, _mostHorizontal, _mostVertical, _mcusWide, _mcusHigh, _restartInterval, _scans;
    private int _orientation = ExifOrientation.Upright;
    private int? _adobeTransform;
    private bool _isProgressive, _hasJfif;

    public static ReadOnlySpan<byte> Signature => [0xFF, 0xD8];

    public static Picture Decode(ReadOnlySpan<byte> file)
    {
        var decoder = new JpegDecoder();
        decoder.Read(file[2..]);
        return decoder.ToPicture().Upright(decoder._orientation);
    }

    private void Read(ReadOnlySpan<byte> rest)
    {
        while (true)
        {
            int at = rest.IndexOf((byte)0xFF); // some encoders leave bytes between segments
            if (at < 0) throw ImageDecoder.Damaged($"the file ends before its end marker; was it copied completely?");
            rest = rest[at..].TrimStart((byte)0xFF);
            if (rest.IsEmpty) throw ImageDecoder.Damaged($"the file ends before its end marker; was it copied completely?");
            int marker = rest[0];
            rest = rest[1..];
            if (marker == 0xD9) return;
            if (marker is 0 or 1 or >= 0xD0 and <= 0xD8) continue;
            int length = BinaryPrimitives.ReadUInt16BigEndian(rest);
            ReadOnlySpan<byte> segment = rest[2..length];
            rest = rest[length..];
            switch (marker)
            {
                case 0xC0 or 0xC1 or 0xC2:
                    _isProgressive = marker == 0xC2;
                    ReadFrame(segment, rest.Length);
                    break;
                case 0xC4:
                    ReadHuffmanTables(segment);
                    break;
                case >= 0xC3 and <= 0xCF and not 0xC8:
                    throw new InvalidDataException($"it is a JPEG of a rare kind ({(marker >= 0xC9 ? "arithmetic coding" : (marker & 3) == 3 ? "lossless" : "hierarchical")}), which is not read; save it as an ordinary JPEG or as PNG");
                case 0xDA:
                    rest = ReadScan(segment, rest);
                    break;
                case 0xDB:
                    ReadQuantization(segment);
                    break;
                case 0xDD:
                    _restartInterval = BinaryPrimitives.ReadUInt16BigEndian(segment);
                    break;
                case 0xE0:
                    _hasJfif |= segment.StartsWith("JFIF\0"u8);
                    break;
                case 0xE1 when segment.StartsWith("Exif\0\0"u8):
                    _orientation = ExifOrientation.Find(segment[6..]);
                    break;
                case 0xEE when segment.Length >= 12 && segment.StartsWith("Adobe"u8):
                    _adobeTransform = segment[11];
                    break;
            }
        }
    }

    private void ReadFrame(ReadOnlySpan<byte> segment, int bytesLeft)
    {
        if (_components.Length > 0) throw ImageDecoder.Damaged($"it has two frames");
        int bits = segment[0], count = segment[5];
        (_height, _width) = (BinaryPrimitives.ReadUInt16BigEndian(segment[1..]), BinaryPrimitives.ReadUInt16BigEndian(segment[3..]));
        if (bits != 8) throw new InvalidDataException($"it is a JPEG of {bits} bits a colour, which is not read; save it with 8 bits");
        if (_height == 0) throw new InvalidDataException("its height is not declared in front (DNL), which is not read; save it anew");
        if (count == 4) throw new InvalidDataException("it is a JPEG in CMYK, for printing; save it as RGB");
        if (count is not (1 or 3)) throw ImageDecoder.Damaged($"it has {count} colour components");
        ImageDecoder.CheckSize(_width, _height);
        var components = new Component[count];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> part = segment.Slice(6 + (3 * i), 3);
            components[i] = new Component(part[0], part[1] >> 4, part[1] & 15, part[2]);
            if (components[i] is not { Horizontal: >= 1 and <= MostSampling, Vertical: >= 1 and <= MostSampling, Table: < MostTables }) throw ImageDecoder.Damaged($"component {i} has sampling {part[1]:x2} and table {part[2]}");
        }
        (_mostHorizontal, _mostVertical) = (components.Max(part => part.Horizontal), components.Max(part => part.Vertical));
        if (components.Any(part => _mostHorizontal % part.Horizontal != 0 || _mostVertical % part.Vertical != 0))
            throw new InvalidDataException("its colours are sampled in ratios such as 2 to 3, which is not read; save it anew");
        (_mcusWide, _mcusHigh) = (Component.CeilingOf(_width, _mostHorizontal * Component.Side), Component.CeilingOf(_height, _mostVertical * Component.Side));
        // Each block takes a bit at least, one for its DC coefficient; filling included, which interleaved scans code as well and others may leave out.
        long blocks = components.Sum(part => Component.CeilingOf(Component.CeilingOf(_width * part.Horizontal, _mostHorizontal), Component.Side) * (long)Component.CeilingOf(Component.CeilingOf(_height * part.Vertical, _mostVertical), Component.Side));
        if (blocks > bytesLeft * 8L) throw ImageDecoder.Damaged($"it declares {_width} x {_height} pixels and holds data for fewer");
        foreach (Component part in components) part.Allocate(_width, _height, _mostHorizontal, _mostVertical, _mcusWide, _mcusHigh);
        _components = components;
    }

    private void ReadQuantization(ReadOnlySpan<byte> segment)
    {
        while (!segment.IsEmpty)
        {
            (int precision, int number) = (segment[0] >> 4, segment[0] & 15);
            if (precision > 1 || number >= MostTables) throw ImageDecoder.Damaged($"there is no quantization table {number} of precision {precision}");
            int step = precision + 1;
            var table = new ushort[Component.BlockSize];
            for (int i = 0; i < table.Length; i++)
                table[ScanDecoder.Natural(i)] = precision == 0 ? segment[1 + i] : BinaryPrimitives.ReadUInt16BigEndian(segment[(1 + (2 * i))..]);
            _quantization[number] = table;
            segment = segment[(1 + (step * table.Length))..];
        }
    }

    private void ReadHuffmanTables(ReadOnlySpan<byte> segment)
    {
        const int lengths = 16;
        while (!segment.IsEmpty)
        {
            (int kind, int number) = (segment[0] >> 4, segment[0] & 15);
            if (kind > 1 || number >= MostTables) throw ImageDecoder.Damaged($"there is no Huffman table {number} of class {kind}");
            ReadOnlySpan<byte> counts = segment.Slice(1, lengths);
            int symbols = 0;
            foreach (byte count in counts) symbols += count;
            (kind == 0 ? _dc : _ac)[number] = new HuffmanTable(counts, segment.Slice(1 + lengths, symbols));
            segment = segment[(1 + lengths + symbols)..];
        }
    }

    private ReadOnlySpan<byte> ReadScan(ReadOnlySpan<byte> segment, ReadOnlySpan<byte> data)
    {
        if (++_scans > MostScans) throw ImageDecoder.Damaged($"it has more than {MostScans} scans");
        int count = segment[0];
        (int start, int end, int high, int low) = (segment[1 + (2 * count)], segment[2 + (2 * count)], segment[3 + (2 * count)] >> 4, segment[3 + (2 * count)] & 15);
        if (!_isProgressive) (start, end, high, low) = (0, Component.BlockSize - 1, 0, 0);
        bool isSound = count >= 1 && count <= _components.Length && start <= end && end < Component.BlockSize && low <= 13
            && (!_isProgressive || (start == 0 ? end == 0 : count == 1)) && (high == 0 || high == low + 1);
        if (!isSound) throw ImageDecoder.Damaged($"a scan of {count} components for coefficients {start} to {end}, bits {high} to {low}");
        var parts = new ScanComponent[count];
        for (int i = 0; i < count; i++)
        {
            (int id, int tables) = (segment[1 + (2 * i)], segment[2 + (2 * i)]);
            Component component = _components.FirstOrDefault(part => part.Id == id) ?? throw ImageDecoder.Damaged($"a scan names the component {id}, which the frame has not");
            if (parts.Take(i).Any(part => part.Component == component)) throw ImageDecoder.Damaged($"a scan names the component {id} twice");
            component.Quantization ??= _quantization[component.Table];
            HuffmanTable? Table(HuffmanTable?[] all, int number, bool isNeeded) => !isNeeded ? null
                : number < MostTables && all[number] is { } table ? table : throw ImageDecoder.Damaged($"a scan needs the Huffman table {number}, which the file has not");
            parts[i] = new ScanComponent(component, Table(_dc, tables >> 4, start == 0 && high == 0), Table(_ac, tables & 15, end > 0));
        }
        return new ScanDecoder(parts, _isProgressive, start, end, high > 0, low).Decode(data, _restartInterval, _mcusWide, _mcusHigh);
    }

    private Picture ToPicture()
    {
        if (_components.Length == 0) throw ImageDecoder.Damaged($"it has no frame");
        byte[][] planes = [.. _components.Select(component => component.Samples())];
        byte[][] rows = [.. _components.Select(component => new byte[component.Width * (_mostHorizontal / component.Horizontal)])];
        int channels = _components.Length;
        var pixels = new byte[_width * _height * channels];
        for (int y = 0; y < _height; y++)
        {
            for (int i = 0; i < channels; i++) Upsampling.Row(_components[i], planes[i], y, _mostHorizontal / _components[i].Horizontal, _mostVertical / _components[i].Vertical, rows[i]);
            Span<byte> line = pixels.AsSpan(y * _width * channels, _width * channels);
            if (channels == Picture.Gray) rows[0].AsSpan(0, _width).CopyTo(line);
            else if (HasLuma) JpegColors.ToRgb(rows[0], rows[1], rows[2], line);
            else for (int i = 0; i < line.Length; i++) line[i] = rows[i % channels][i / channels];
        }
        return new Picture(_width, _height, channels, pixels);
    }

    /// <summary>Whether three components are YCbCr: JFIF says so, Adobe's marker tells; without both, components named R, G, B are these.</summary>
    private bool HasLuma => _hasJfif || (_adobeTransform is { } transform ? transform != 0 : !_components.Select(part => part.Id).SequenceEqual([(int)'R', 'G', 'B']));
}
