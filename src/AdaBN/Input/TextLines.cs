using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace AdaBN.Input;

/// <summary>Lines of a text file, also packed by gzip; none may be so long that it is no line of text.</summary>
internal static class TextLines
{
    private const int LongestLine = 1 << 26;

    /// <summary>Lines that are not blank, with their numbers from 1.</summary>
    public static IEnumerable<(int Number, string Text)> Read(string path)
    {
        using StreamReader reader = Open(path);
        var line = new StringBuilder();
        for (int number = 1; ; number++)
        {
            line.Clear();
            int next;
            while ((next = Next(reader, path)) is not ('\n' or -1))
            {
                if (line.Length == LongestLine) throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{path}, line {number} is longer than {LongestLine} characters: this is no text file of lines."));
                line.Append((char)next);
            }
            string text = line.ToString().Trim();
            if (text.Contains('\0', StringComparison.Ordinal)) throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{path}, line {number} holds zero bytes: this is no text file."));
            if (text.Length > 0) yield return (number, text);
            if (next < 0) yield break;
        }
    }

    /// <summary>The first bytes of a file, unpacked; as many as there are.</summary>
    public static Span<byte> Peek(string path, Span<byte> start)
    {
        using Stream stream = Unpacked(path);
        try
        {
            return start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        }
        catch (InvalidDataException)
        {
            return [];
        }
    }

    private static StreamReader Open(string path) => new(Unpacked(path));

    private static Stream Unpacked(string path)
    {
        FileStream stream = File.OpenRead(path);
        Span<byte> start = stackalloc byte[2];
        int read = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        stream.Position = 0;
        return ArrayFile.IsGzip(start[..read]) ? new GZipStream(stream, CompressionMode.Decompress) : stream;
    }

    private static int Next(StreamReader reader, string path)
    {
        try
        {
            return reader.Read();
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path} is a damaged gzip file ({e.Message}). Was it copied completely?", e);
        }
    }
}
