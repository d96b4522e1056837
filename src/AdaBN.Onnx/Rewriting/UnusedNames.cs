using System.Globalization;

namespace AdaBN.Onnx;

/// <summary>Gives out names that nothing has yet: the wanted one, or the next free number behind it.</summary>
internal sealed class UnusedNames(IEnumerable<string> used)
{
    private readonly HashSet<string> _used = new(used, StringComparer.Ordinal);
    private readonly Dictionary<string, int> _last = new(StringComparer.Ordinal); // thousands may want the same name

    public string Like(string name)
    {
        string unused = name;
        for (int i = _last.GetValueOrDefault(name); !_used.Add(unused); unused = string.Create(CultureInfo.InvariantCulture, $"{name}_{i}")) _last[name] = ++i;
        return unused;
    }
}
