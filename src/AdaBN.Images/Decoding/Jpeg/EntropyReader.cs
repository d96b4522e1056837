namespace AdaBN.Images.Decoding.Jpeg;

/// <summary>The bits of entropy-coded data, highest first (ITU-T T.81, F.2.2.5): FF 00 stands for FF, any other FF ends them.</summary>
internal ref struct EntropyReader(ReadOnlySpan<byte> data)
{
    private readonly ReadOnlySpan<byte> _data = data;
    private int _next;
    private ulong _bits;
    private int _count;
    private int _added; // zeros behind the end

    /// <summary>Whether more bits were taken than there are.</summary>
    public readonly bool IsOverrun => _added > _count;

    /// <summary>Where the data goes on behind the entropy-coded part.</summary>
    public readonly ReadOnlySpan<byte> Rest => _data[_next..];

    public int Take(int bits)
    {
        if (bits == 0) return 0;
        int value = Peek(bits);
        Skip(bits);
        return value;
    }

    /// <summary>The next 1 to 16 bits.</summary>
    public int Peek(int bits)
    {
        if (_count < bits) Fill();
        return (int)(_bits >> (_count - bits)) & ((1 << bits) - 1);
    }

    public void Skip(int bits) => _count -= bits;

    /// <summary>A difference or coefficient of so many bits (T.81, table F.1 and EXTEND).</summary>
    public int TakeSigned(int bits)
    {
        int value = Take(bits);
        return bits > 0 && value < 1 << (bits - 1) ? value - (1 << bits) + 1 : value;
    }

    /// <summary>Goes behind the restart marker that stands here; false where another marker or none does.</summary>
    public bool TryRestart()
    {
        while (_next < _data.Length - 1 && _data[_next] == 0xFF && _data[_next + 1] == 0xFF) _next++;
        if (_next > _data.Length - 2 || _data[_next] != 0xFF || _data[_next + 1] is < 0xD0 or > 0xD7) return false;
        _next += 2;
        (_bits, _count, _added) = (0, 0, 0);
        return true;
    }

    private void Fill()
    {
        while (_count <= 48)
        {
            int value = _next < _data.Length ? _data[_next] : -1;
            if (value == 0xFF && (_next + 1 >= _data.Length || _data[_next + 1] != 0)) value = -1;
            if (value < 0) _added += 8;
            else _next += value == 0xFF ? 2 : 1;
            _bits = (_bits << 8) | (byte)Math.Max(value, 0);
            _count += 8;
        }
    }
}
