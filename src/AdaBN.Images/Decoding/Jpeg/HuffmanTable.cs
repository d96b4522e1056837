namespace AdaBN.Images.Decoding.Jpeg;

/// <summary>A code of up to 16 bits a symbol (ITU-T T.81, annex C): shorter codes are looked up, longer ones compared with the largest of each length.</summary>
internal sealed class HuffmanTable
{
    private const int LookupBits = 9, LongestCode = 16;
    private readonly ushort[] _lookup = new ushort[1 << LookupBits]; // length and symbol; 0 where the code is longer
    private readonly int[] _end = new int[LongestCode + 1]; // behind the last code of a length
    private readonly int[] _offset = new int[LongestCode + 1]; // from code to place
    private readonly byte[] _symbols;

    /// <param name="counts">How many codes have 1 to 16 bits.</param>
    /// <param name="symbols">Their symbols, shortest code first.</param>
    public HuffmanTable(ReadOnlySpan<byte> counts, ReadOnlySpan<byte> symbols)
    {
        _symbols = symbols.ToArray();
        int code = 0, place = 0;
        for (int length = 1; length <= LongestCode; length++, code <<= 1)
        {
            _offset[length] = place - code;
            for (int i = 0; i < counts[length - 1]; i++, code++, place++)
            {
                if (code >= 1 << length) throw ImageDecoder.Damaged($"a Huffman table has more codes than there are of {length} bits");
                if (length > LookupBits) continue;
                int free = LookupBits - length;
                _lookup.AsSpan(code << free, 1 << free).Fill((ushort)((length << 8) | symbols[place]));
            }
            _end[length] = code;
        }
    }

    public int Decode(ref EntropyReader reader)
    {
        ushort known = _lookup[reader.Peek(LookupBits)];
        if (known != 0)
        {
            reader.Skip(known >> 8);
            return (byte)known;
        }
        int ahead = reader.Peek(LongestCode);
        for (int length = LookupBits + 1; length <= LongestCode; length++)
        {
            int code = ahead >> (LongestCode - length);
            if (code >= _end[length]) continue;
            reader.Skip(length);
            return _symbols[code + _offset[length]];
        }
        throw ImageDecoder.Damaged($"its data holds a code that no Huffman table has");
    }
}
