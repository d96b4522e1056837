using AdaBN.Images;
using AdaBN.Onnx;

namespace ScoringService;

/// <summary>The model that the service was given, and how it wants its pixels. Never changed: every adaptation starts from it, never from an adapted one.</summary>
internal sealed class SourceModel
{
    public SourceModel(ServiceOptions options)
    {
        Model = OnnxModel.Load(options.Model).ToSingleFile();
        bool isDigits = options.Model == new ServiceOptions().Model;
        Preprocessing stated = options.Preprocessing is { } file ? Preprocessing.Load(file)
            : Preprocessing.Of(Model) ?? (isDigits ? Preprocessing.Load(Path.Combine(AppContext.BaseDirectory, "digits.json"))
            : throw new InvalidDataException($"{options.Model} does not say how it wants its pixels. Give --preprocessing FILE.json (docs/preprocessing.md)."));
        Preprocessing = stated.For(Model);
        Images = new ImagePreparation(Preprocessing, options.MaxMegapixels * 1_000_000L);
        Bytes = Model.ToBytes();
        Version = ServedModel.VersionOf(Bytes);
    }

    public OnnxModel Model { get; }

    public byte[] Bytes { get; }

    /// <summary>SHA-256, as of all models.</summary>
    public string Version { get; }

    public Preprocessing Preprocessing { get; }

    public ImagePreparation Images { get; }
}
