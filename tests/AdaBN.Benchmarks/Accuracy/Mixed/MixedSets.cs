using AdaBN.Benchmarks.Accuracy.Corruptions;
using AdaBN.Benchmarks.Accuracy.Data;

namespace AdaBN.Benchmarks.Accuracy.Mixed;

/// <summary>Which sets are tried.</summary>
internal static class MixedSets
{
    public const string Goal = "half contrast, half gaussian noise", Whole = "all images", Pairs = "pairs of twelve corruptions";
    public static readonly string[] SplitAnyway = ["clean", "contrast 5", "gaussian noise 5", "fog 3", "jpeg 3", "MNIST", "optdigits", "USPS", "MNIST-M"];
    private static readonly string[] _dozen = ["gaussian noise", "shot noise", "impulse noise", "defocus blur", "gaussian blur", "motion blur", "fog", "snow", "brightness", "contrast", "pixelate", "jpeg"];
    private static readonly (string One, string Other)[] _uneven = [("clean", "contrast"), ("clean", "gaussian noise"), ("brightness", "defocus blur"), ("contrast", "gaussian noise"), ("pixelate", "fog"), ("jpeg", "impulse noise")];
    private static readonly string[][] _several = [["clean", "gaussian noise", "contrast"], ["shot noise", "defocus blur", "fog"], ["brightness", "pixelate", "impulse noise"], ["clean", "contrast", "gaussian noise", "gaussian blur"]];

    public static (IReadOnlyList<MixedRows> Mixed, IReadOnlyList<MixedRows> Single) Pictures(DomainPool pool, LabelledImages clean, bool isQuick)
    {
        int images = pool.Add("clean", clean);
        int[] severities = isQuick ? [3, 5] : [1, 3, 5];
        foreach (Corruption corruption in Corruption.All)
            foreach (int severity in severities) pool.Add($"{corruption.Name} {severity}", corruption.Apply(clean, severity));
        List<MixedRows> mixed = [];
        foreach (int severity in (int[])[3, 5])
        {
            string At(string name) => name == "clean" ? name : $"{name} {severity}";
            mixed.Add(MixedRows.Even(Goal, images, At("contrast"), At("gaussian noise")));
            foreach (string[] names in _several) mixed.Add(MixedRows.Even($"{names.Length} domains", images, [.. names.Select(At)]));
            foreach ((string one, string other) in _uneven)
                foreach (int oneIn in (int[])[5, 20]) mixed.Add(MixedRows.Uneven($"{100 - (100 / oneIn)} % and {100 / oneIn} %", images, oneIn, At(one), At(other)));
            if (isQuick) continue;
            foreach (string name in _dozen) mixed.Add(MixedRows.Even("clean and corrupted", images, "clean", At(name)));
            for (int i = 0; i < _dozen.Length; i++)
                for (int j = i + 1; j < _dozen.Length; j++) mixed.Add(MixedRows.Even(Pairs, images, At(_dozen[i]), At(_dozen[j])));
        }
        IEnumerable<string> domains = ["clean", .. from corruption in Corruption.All from severity in severities select $"{corruption.Name} {severity}"];
        return (mixed, [.. domains.SelectMany(domain => Singles(pool, domain, images))]);
    }

    public static (IReadOnlyList<MixedRows> Mixed, IReadOnlyList<MixedRows> Single) Digits(DomainPool pool, IReadOnlyList<(string Name, LabelledImages Images)> sets)
    {
        int[] counts = [.. sets.Select(set => pool.Add(set.Name, set.Images))];
        IEnumerable<MixedRows> mixed = from i in Enumerable.Range(0, sets.Count) from j in Enumerable.Range(i + 1, sets.Count - i - 1) select MixedRows.Even("pairs of sets of digits", Math.Min(counts[i], counts[j]), sets[i].Name, sets[j].Name);
        return ([.. mixed], [.. sets.SelectMany((set, i) => Singles(pool, set.Name, counts[i]))]);
    }

    /// <summary>One domain: all its images, two draws each of few, each class.</summary>
    private static IEnumerable<MixedRows> Singles(DomainPool pool, string domain, int images)
    {
        MixedRows Some(string kind, IEnumerable<int> chosen) => new(kind, [.. chosen.Select(i => (domain, i))]);
        yield return Some(Whole, Enumerable.Range(0, images));
        foreach (int count in (int[])[16, 32, 64, 128])
            for (int draw = 0; draw < 2; draw++) yield return Some($"{count} images", Enumerable.Range(0, count).Select(i => ((i * images / count) + (draw * 7)) % images));
        for (int label = 0; label < LabelledImages.Classes; label++) yield return Some("one class", Enumerable.Range(0, images).Where(i => pool.Label(domain, i) == label));
    }
}
