using System.Globalization;
using AdaBN.Input;

namespace AdaBN;

/// <summary>
/// Samples in a text file, a line each: the numbers of a tensor as the model takes it, row-major, between commas, semicolons or tabs. A first line of names is left
/// out; the file may be packed by gzip.
/// </summary>
public sealed class CsvFile : ISampleSource
{
    private readonly string _path;

    private CsvFile(string path, string? inputName, int length, long count)
    {
        (_path, Count) = (path, count);
        Inputs = [new SampleInput(inputName, [length])];
    }

    /// <inheritdoc/>
    public IReadOnlyList<SampleInput> Inputs { get; }

    /// <inheritdoc/>
    public long? Count { get; }

    /// <summary>Whether a file reads as lines of several numbers, from its first two lines.</summary>
    public static bool LooksLikeOne(string path)
    {
        Span<byte> start = stackalloc byte[1 << 10];
        return !TextLines.Peek(path, start).Contains((byte)0)
            && TextLines.Read(path).Take(2).Any(line => Split(line.Text) is { Length: > 1 } fields && fields.All(field => float.TryParse(field, CultureInfo.InvariantCulture, out _)));
    }

    /// <summary>Opens a file and counts its lines.</summary>
    /// <param name="path">The file.</param>
    /// <param name="inputName">The model input it feeds; null where the model has only one.</param>
    /// <exception cref="InvalidDataException">It holds no numbers.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static CsvFile Open(string path, string? inputName = null)
    {
        if (!LooksLikeOne(path)) throw new InvalidDataException($"{path} holds no lines of numbers between commas.");
        int length = 0;
        long count = 0;
        foreach ((_, string text) in Rows(path))
        {
            if (count++ == 0) length = Split(text).Length;
        }
        return new CsvFile(path, inputName, length, count);
    }

    /// <inheritdoc/>
    public ISampleReader OpenReader() => new Reader(this);

    private static IEnumerable<(int Number, string Text)> Rows(string path)
    {
        bool isFirst = true;
        foreach ((int Number, string Text) line in TextLines.Read(path))
        {
            bool isNames = isFirst && !Split(line.Text).Any(field => float.TryParse(field, CultureInfo.InvariantCulture, out _));
            isFirst = false;
            if (!isNames) yield return line;
        }
    }

    private static string[] Split(string line) => line.Split([',', ';', '\t'], StringSplitOptions.TrimEntries);

    private sealed class Reader(CsvFile file) : ISampleReader
    {
        private readonly IEnumerator<(int Number, string Text)> _rows = Rows(file._path).GetEnumerator();

        public bool TryRead(IReadOnlyList<Memory<float>> destination)
        {
            if (!_rows.MoveNext()) return false;
            string[] fields = Split(_rows.Current.Text);
            Span<float> tensor = destination[0].Span;
            if (fields.Length != tensor.Length)
                throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{file._path}, line {_rows.Current.Number} has {fields.Length} fields, expected {tensor.Length} as in the lines before."));
            for (int i = 0; i < fields.Length; i++)
            {
                if (!float.TryParse(fields[i], CultureInfo.InvariantCulture, out tensor[i]))
                    throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{file._path}, line {_rows.Current.Number}, field {i + 1} is '{fields[i]}', expected a number with a decimal point."));
            }
            return true;
        }

        public void Dispose() => _rows.Dispose();
    }
}
