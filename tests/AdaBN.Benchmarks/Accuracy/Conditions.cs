using System.Globalization;
using AdaBN.Benchmarks.Accuracy.Corruptions;
using AdaBN.Benchmarks.Accuracy.Data;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Accuracy;

/// <summary>All conditions, made one after the other; those scored on the same images stand together.</summary>
/// <param name="folder">The data; null for what the repository ships.</param>
/// <param name="isQuick">Few of everything.</param>
internal sealed class Conditions(string? folder, bool isQuick)
{
    private const int MostDigits = 2000, FewerDigits = 500, FewerPictures = 250, FamilyImages = 1000, FamilySeverity = 3;
    private static readonly int[] _severities = [1, 3, 5];
    private static readonly (string Name, int Severity)[] _hard = [("gaussian noise", 5), ("contrast", 5), ("gaussian blur", 3)];
    private readonly DataFolder _data = new(folder);
    private readonly int[] _counts = isQuick ? [4, 32] : [4, 8, 16, 32, 64, 256];
    private readonly int[] _classes = isQuick ? [3] : [0, 3, 8];
    private readonly int[] _zipfFirst = isQuick ? [0] : [0, 5];

    public IEnumerable<Condition> All()
    {
        if (folder is null) return Digits(Shipped());
        var burn = new Classifier("burn_mnist", OnnxModel.Load(_data.Model("burn_mnist.onnx")), [1, 28, 28], [0.1307f], [0.3081f]);
        Classifier resnet = ResNet20();
        return [.. isQuick ? [] : Digits(burn), .. Digits(Shipped()), .. Pictures(resnet)];
    }

    /// <summary>Whole sets for ways that are compared in short: digits of the shipped model, pictures clean and at the middle severity.</summary>
    public IEnumerable<Condition> OfFamily()
    {
        int most = isQuick ? FewerDigits : FamilyImages;
        foreach (Condition condition in Digits(Shipped()).Where(condition => condition.Name == "all"))
        {
            LabelledImages some = condition.Evaluation.EvenlySpaced(most);
            yield return condition with { Adaptation = some, Evaluation = some };
        }
        if (folder is null || isQuick) yield break;
        Classifier resnet = ResNet20();
        const string set = "CIFAR-10";
        LabelledImages clean = _data.Cifar10().EvenlySpaced(most);
        yield return new Condition(resnet, Case.NoShift, set, "clean", 0, clean, clean);
        foreach (Corruption corruption in Corruption.All)
        {
            LabelledImages corrupted = corruption.Apply(clean, FamilySeverity);
            yield return new Condition(resnet, Case.Shift, set, corruption.Name, FamilySeverity, corrupted, corrupted);
        }
    }

    /// <summary>Images of a model's source domain, as it takes them; those of CIFAR-10 are the very ones that are corrupted elsewhere.</summary>
    public ISampleSource SourceOf(Classifier model) =>
        SampleSource.FromArrays(model.Prepare((model.Shape[0] == 1 ? _data.Mnist() : _data.Cifar10()).EvenlySpaced(FamilyImages).Images), model.Shape);

    /// <summary>Where the default policy is timed: no shift, a shift, and where there are few classes and all passes are needed.</summary>
    public IEnumerable<(Classifier Model, string Set, LabelledImages Images)> ToTime()
    {
        Classifier shipped = Shipped();
        yield return (shipped, "MNIST", _data.Mnist());
        yield return (shipped, "optdigits", DataFolder.Optdigits());
        if (folder is null) yield break;
        Classifier resnet = ResNet20();
        LabelledImages clean = _data.Cifar10();
        yield return (resnet, "CIFAR-10, clean", clean);
        yield return (resnet, "CIFAR-10, contrast 5", Corruption.Named("contrast").Apply(clean, 5));
        LabelledImages one = clean.OneClass(3);
        yield return (resnet, "CIFAR-10, class 3 repeated", one.Take(Enumerable.Range(0, clean.Count).Select(i => i % one.Count)));
    }

    /// <summary>Where accuracy is told against the number of images.</summary>
    public IEnumerable<(Classifier Model, string Set, LabelledImages Images)> ToCount()
    {
        yield return (Shipped(), "optdigits", DataFolder.Optdigits());
        if (folder is null) yield break;
        LabelledImages clean = _data.Cifar10();
        foreach ((string name, int severity) in _hard) yield return (ResNet20(), $"CIFAR-10, {name} {severity}", Corruption.Named(name).Apply(clean, severity));
    }

    internal static Classifier Shipped() => new("digits-cnn", OnnxModel.Load(Repository.Model("digits-cnn.onnx")), [1, 28, 28], [0], [1]);

    internal Classifier ResNet20() => new("cifar10_resnet20", OnnxModel.Load(_data.Model("cifar10_resnet20.onnx")), [3, 32, 32], [0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);

    private IEnumerable<Condition> Digits(Classifier model)
    {
        LabelledImages Some(LabelledImages all) => all.EvenlySpaced(isQuick ? FewerDigits : MostDigits);
        List<(string Name, LabelledImages Images)> sets = [("MNIST", Some(_data.Mnist())), ("optdigits", Some(DataFolder.Optdigits()))];
        if (folder is not null) sets.AddRange([("USPS", Some(_data.Usps())), ("MNIST-M", Some(_data.MnistM()))]);
        foreach ((string name, LabelledImages images) in sets)
        {
            Case whole = name == "MNIST" ? Case.NoShift : Case.Shift;
            foreach (Condition condition in OfSet(model, whole, name, "", 0, images)) yield return condition;
        }
        for (int i = 0; i + 1 < sets.Count; i += 2)
            yield return Mixture(model, $"{sets[i].Name}, {sets[i + 1].Name}", "mixed", 0, sets[i].Images, sets[i + 1].Images);
    }

    private IEnumerable<Condition> Pictures(Classifier model)
    {
        const string set = "CIFAR-10";
        LabelledImages clean = isQuick ? _data.Cifar10().EvenlySpaced(FewerPictures) : _data.Cifar10();
        foreach (Condition condition in OfSet(model, Case.NoShift, set, "clean", 0, clean)) yield return condition;
        foreach (Corruption corruption in Corruption.All)
        {
            foreach (int severity in _severities)
            {
                bool isHard = _hard.Contains((corruption.Name, severity));
                if (isQuick && !isHard) continue;
                LabelledImages corrupted = corruption.Apply(clean, severity);
                IEnumerable<Condition> conditions = OfSet(model, Case.Shift, set, corruption.Name, severity, corrupted);
                foreach (Condition condition in isHard ? conditions : conditions.Take(1)) yield return condition;
            }
        }
        LabelledImages Of(string name) => Corruption.Named(name).Apply(clean, 5);
        yield return Mixture(model, set, "clean, contrast mixed", 5, clean, Of("contrast"));
        yield return Mixture(model, set, "gaussian noise, defocus blur mixed", 5, Of("gaussian noise"), Of("defocus blur"));
        if (!isQuick) yield return Mixture(model, set, "fog, jpeg mixed", 5, Of("fog"), Of("jpeg"));
    }

    /// <summary>The whole set first, then the hard cases.</summary>
    private IEnumerable<Condition> OfSet(Classifier model, Case whole, string set, string name, int severity, LabelledImages images)
    {
        Condition Scored(Case kind, string which, LabelledImages adaptation, LabelledImages evaluation) =>
            new(model, kind, set, string.Join(", ", new[] { name, which }.Where(part => part.Length > 0).DefaultIfEmpty("all")), severity, adaptation, evaluation);

        yield return Scored(whole, "", images, images);
        foreach (int count in _counts)
            yield return Scored(Case.FewImages, string.Create(CultureInfo.InvariantCulture, $"{count} images"), images.EvenlySpaced(count), images);
        yield return Scored(Case.SkewedThenAll, $"class {_classes[0]}, scored on all", images.OneClass(_classes[0]), images);
        foreach (int label in _classes) yield return Scored(Case.Skewed, $"class {label}", images.OneClass(label), images.OneClass(label));
        foreach (int first in _zipfFirst) yield return Scored(Case.Skewed, $"Zipf from class {first}", images.Zipf(first), images.Zipf(first));
        LabelledImages sorted = images.SortedByClass();
        yield return Scored(whole, "sorted by class", sorted, sorted);
    }

    private static Condition Mixture(Classifier model, string set, string name, int severity, LabelledImages one, LabelledImages other)
    {
        LabelledImages mixed = one.MixedWith(other);
        return new Condition(model, Case.Mixed, set, name, severity, mixed, mixed);
    }
}
