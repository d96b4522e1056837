namespace AdaBN;

/// <summary>
/// An output of a model that is a picture, or may be one. BatchNormalization takes each domain's brightness and contrast off, which is what a
/// classifier wants and what a picture needs kept: adapted, such a model renders the new domain with the old one's contrast.
/// </summary>
/// <remarks>
/// Judged by how the output is computed from the input, for outputs of rank 4 (N, C, H, W) or (N, H, W, C) with 1, 3 or 4 channels, or as
/// many as the input. Surely pictures are those larger than the input by strides and scales (super-resolution), or upsampled from what is no image
/// (generators); and of the input's size those with its 3 or 4 channels, added to the input (denoising), or brought into the range of pixels by
/// Tanh or Clip. Other maps of the input's size with 1, 3 or 4 channels, such as masks and depth, may be pictures. Scores of classes a pixel (Softmax or ArgMax at the end, another number of channels),
/// features (BatchNormalization at the end) and maps smaller than the input (detectors) are none.
/// </remarks>
/// <param name="Name">The output.</param>
/// <param name="Because">What tells, in a few words.</param>
/// <param name="IsSure">Whether an adaptation asks for <see cref="AdaptationOptions.AllowImageOutput"/>; else it only notes the output.</param>
public sealed record ImageOutput(string Name, string Because, bool IsSure);
