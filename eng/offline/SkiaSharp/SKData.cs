namespace SkiaSharp;

public sealed class SKData : IDisposable
{
    internal SKData(byte[] bytes) => Bytes = bytes;

    internal byte[] Bytes { get; }

    public static SKData CreateCopy(ReadOnlySpan<byte> bytes) => new(bytes.ToArray());

    public void SaveTo(Stream target) => target.Write(Bytes);

    public void Dispose()
    {
    }
}
