using AdaBN.Benchmarks.Accuracy.Data;
using AdaBN.Domains;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Accuracy.Mixed;

/// <summary>Domains of one classifier, and what adapting to some of their images makes of these.</summary>
internal sealed class DomainPool(Classifier model)
{
    private readonly SampleInput _input = SampleSource.FromArrays([], model.Shape).Inputs[0];
    private readonly Dictionary<string, (float[][] Prepared, double[][] Moments, IReadOnlyList<int> Labels)> _domains = [];
    private readonly Dictionary<string, bool[]> _right = [];

    public string Name => model.Name;

    public int Add(string name, LabelledImages images)
    {
        float[][] prepared = model.Prepare(images.Images);
        _domains.Add(name, (prepared, [.. prepared.AsParallel().AsOrdered().Select(image => TextureFeatures.Moments(image, _input))], images.Labels));
        return images.Count;
    }

    public int Label(string domain, int image) => _domains[domain].Labels[image];

    public double[][] Features(MixedRows set)
    {
        double[][] moments = [.. set.Rows.Select(row => _domains[row.Domain].Moments[row.Image])];
        double floor = TextureFeatures.FloorOf(moments);
        return [.. moments.Select(image => TextureFeatures.Of(image, floor))];
    }

    /// <summary>Whether each row is classified rightly where each group of rows has a model of its own, adapted to exactly these.</summary>
    public bool[] Right(string policy, MixedRows set, IReadOnlyList<int[]> groups)
    {
        var right = new bool[set.Rows.Count];
        foreach (int[] group in groups)
            foreach ((int row, bool isRight) in group.Zip(Right(policy, [.. group.Select(row => set.Rows[row])]))) right[row] = isRight;
        return right;
    }

    /// <summary>The same with one file for all domains: a bank whose rows say of which they are, and one that finds that out.</summary>
    public (bool[] Told, bool[] Found) RightOfBank(string policy, MixedRows set)
    {
        float[][] images = Images(set.Rows);
        ISampleSource samples = SampleSource.FromArrays(images, model.Shape);
        IReadOnlyList<int[]> given = set.Given;
        var ids = new long[images.Length];
        foreach ((int domain, int[] rows) in given.Index())
            foreach (int row in rows) ids[row] = domain + 1;
        Onnx.OnnxModel told = DomainBank.Of(model.Model).Adapt(SampleSource.WithDomains(samples, ids), Options(policy)).Bank.ToModel(), found = DomainBank.AdaptMixed(model.Model, samples, Options(policy)).Bank.ToModel();
        var right = new bool[images.Length];
        foreach ((int domain, int[] rows) in given.Index())
            foreach ((int row, int prediction) in rows.Zip(model.Predict(told, [.. rows.Select(row => images[row])], domain + 1))) right[row] = prediction == Label(set.Rows[row].Domain, set.Rows[row].Image);
        return (right, [.. model.Predict(found, images).Zip(set.Rows, (prediction, row) => prediction == Label(row.Domain, row.Image))]);
    }

    private float[][] Images(IEnumerable<(string Domain, int Image)> rows) => [.. rows.Select(row => _domains[row.Domain].Prepared[row.Image])];

    /// <summary>Remembered: many mixtures share a half.</summary>
    private bool[] Right(string policy, IReadOnlyList<(string Domain, int Image)> rows)
    {
        string key = $"{policy} {string.Join(' ', rows)}";
        lock (_right)
        {
            if (_right.TryGetValue(key, out bool[]? known)) return known;
        }
        float[][] images = Images(rows);
        Onnx.OnnxModel adapted = policy == Candidate.Source ? model.Model : BatchNormAdapter.Adapt(model.Model, SampleSource.FromArrays(images, model.Shape), Options(policy)).Model;
        bool[] right = [.. model.Predict(adapted, images).Zip(rows, (prediction, row) => prediction == Label(row.Domain, row.Image))];
        lock (_right) return _right[key] = right;
    }

    private static AdaptationOptions Options(string policy) => (policy == Candidate.Auto ? new AdaptationOptions() : PaperAdaBN.Options) with { Workers = 1 };
}
